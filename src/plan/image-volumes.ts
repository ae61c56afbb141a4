/** What covers the volumes an image declares: they would be writable, unbounded, and left behind. Pure. */
import { isWithin, resolveFromRoot } from '../base/paths.js';
import type { MountSpec, TmpfsSpec } from './container-spec.js';
import { isBeneath, isTarget } from './mount-plan.js';
import { PLACEHOLDER, type RunPlan } from './run-plan.js';

/** What to add to a plan once its image is known. */
export interface VolumeCover {
  readonly tmpfs: readonly TmpfsSpec[];
  /** Folders of the workspace, with placeholders as in the plan. */
  readonly mounts: readonly MountSpec[];
  /** The same folders, relative to the workspace. */
  readonly workspaceFolders: readonly string[];
}

/** Where a volume of an image is, which may be written in any way: engines resolve it as text. */
export const volumePath = (volume: string): string => resolveFromRoot(volume);

/** A volume of an image that nothing can cover; undefined: there is none. */
export const impossibleVolume = (volumes: readonly string[]): string | undefined =>
  volumes.find((volume) => {
    // Docker takes one that is not absolute for another than any absolute one, and makes a volume whatever else is mounted.
    if (!volume.startsWith('/')) return true;
    const path = volumePath(volume);
    // At or above /dev, as no container starts then; what lies beneath it can be covered, such as /dev/shm.
    return isWithin(path, '/dev') || isWithin('/proc', path);
  });

/**
 * A volume that is a mount target of ours gets nothing: ours wins. One beneath the workspace is a folder of the workspace, so that outputs in it
 * are found. Any other gets a sized tmpfs; the engine mounts parents first, so a target of ours beneath it stays visible.
 */
export function coverImageVolumes(
  plan: Pick<RunPlan, 'container' | 'workspaceMountPath' | 'volumeMask'>,
  volumes: readonly string[],
): VolumeCover {
  const tmpfs: TmpfsSpec[] = [];
  const mounts: MountSpec[] = [];
  const workspaceFolders: string[] = [];
  const { container, workspaceMountPath, volumeMask } = plan;
  const readOnly = container.mounts.filter((mount) => mount.readOnly);
  const [uid = 0, gid = 0] = container.user.split(':').map(Number);
  for (const path of new Set(volumes.map(volumePath))) {
    if (isTarget(container.mounts, path) || isTarget(container.tmpfs, path)) continue;
    const isInInput = readOnly.some(({ target }) => isWithin(target, path));
    if (isBeneath(workspaceMountPath, path) && !isInInput) {
      const folder = path.slice(workspaceMountPath === '/' ? 1 : workspaceMountPath.length + 1);
      workspaceFolders.push(folder);
      mounts.push({
        type: 'bind',
        source: `${PLACEHOLDER.workspace}/workspace/${folder}`,
        target: path,
        readOnly: false,
      });
    } else {
      tmpfs.push({ target: path, ...volumeMask, uid, gid, mode: '0700', exec: true });
    }
  }
  return { tmpfs, mounts, workspaceFolders };
}
