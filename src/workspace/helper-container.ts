/** The container that is made to reach what is mounted in it, and is never started. It is of the job's image, whose files and volumes must not matter to it. */
import { nodeCrypto } from '../base/node-crypto.js';
import type { ContainerSpec, TmpfsSpec } from '../plan/container-spec.js';
import { volumePath } from '../plan/image-volumes.js';
import type { RunPlan } from '../plan/run-plan.js';

/**
 * Where in the root of a helper things are mounted: a name no image has, as it is of one run. Short, as every file that is copied in has it in front of its
 * own.
 */
export function helperFolder(ofContainer: string): string {
  return `berthkit-${nodeCrypto().createHash('sha256').update(ofContainer).digest('hex').slice(0, 12)}`;
}

const COVER = { uid: 0, gid: 0, mode: '0700', exec: false } as const;

/**
 * What covers the volumes of the image, so that no engine makes them: it would refuse the container where the image has a file in the place of one. Nothing
 * is mounted before a start, so that this is possible everywhere.
 */
export function helperTmpfs(
  imageVolumes: readonly string[],
  volumeMask: RunPlan['volumeMask'],
): readonly TmpfsSpec[] {
  return [...new Set(imageVolumes.map(volumePath))].map((target) => ({ ...COVER, ...volumeMask, target }));
}

/** The job's container without what only the job may have. */
export function helperSpec(
  job: ContainerSpec,
  { kindLabel, ...own }: Pick<ContainerSpec, 'name' | 'mounts' | 'tmpfs'> & { readonly kindLabel: string },
): ContainerSpec {
  return {
    ...job,
    ...own,
    entryPoint: null,
    command: ['true'],
    workingDirectory: null,
    environment: [],
    networkMode: 'none',
    // What the volumes are mounted in is of the image.
    readOnlyRootFilesystem: false,
    gpu: null,
    stdin: false,
    labels: { ...job.labels, [kindLabel]: 'helper' },
  };
}
