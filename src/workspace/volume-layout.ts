/** Which volumes hold what a run has in its folder where the engine does not see that folder, and where they are mounted. It calls no engine. */
import { helperName } from '../base/container-name.js';
import { isWithin } from '../base/paths.js';
import { EngineError } from '../errors.js';
import type { MountSpec, TmpfsSpec, VolumeMount } from '../plan/container-spec.js';
import { coverImageVolumes, volumePath } from '../plan/image-volumes.js';
import { parentsFirst } from '../plan/mount-plan.js';
import { PLACEHOLDER, type RunPlan } from '../plan/run-plan.js';
import { helperFolder, helperTmpfs } from './helper-container.js';
import { namesBeneathWorkspace, stagedName } from './layout.js';
import { describeInput } from './mounts.js';

/** Where the inputs are in the workspace of the job, read-only. */
export const INPUTS_MOUNT = '.inputs';

/** What a layout depends on besides its plan. */
export interface VolumeLayoutOptions {
  /** Of the job: volumes are named by it. */
  readonly containerName: string;
  readonly imageVolumes: readonly string[];
  /** In the order of the plan's inputs; null: it is not there. */
  readonly inputTypes: readonly ('file' | 'directory' | null)[];
  /** The engine mounts parts of volumes. */
  readonly hasSubpaths: boolean;
}

/** A symbolic link in the workspace in the place of an input. */
interface InputLink {
  /** In the workspace. */
  readonly path: string;
  /** Absolute, in the job's container. */
  readonly target: string;
}

/** The volumes of one attempt. */
export interface VolumeLayout {
  /** Their names. */
  readonly volumes: readonly string[];
  /** Those of them that are the workspace, or a part of it. */
  readonly workspaceVolumes: readonly string[];
  /** What the job has in the place of the plan's mounts. */
  readonly mounts: readonly MountSpec[];
  /** What covers the other volumes of the image in the job's container. */
  readonly imageTmpfs: readonly TmpfsSpec[];
  /** The folder, in the root, in which the helper has the volumes, all of them writable, as the run's folder has what goes into them. */
  readonly helperFolder: string;
  readonly helperMounts: readonly VolumeMount[];
  readonly helperTmpfs: readonly TmpfsSpec[];
  readonly links: readonly InputLink[];
  /** Paths in the workspace at which something is mounted that is no output. */
  readonly mountPoints: readonly string[];
  /** Folders that have to be in the workspace. */
  readonly workspaceFolders: readonly string[];
  readonly hasInputs: boolean;
  /** The volume for files of secrets; null where there are none. */
  readonly secrets: string | null;
}

/** Something that was staged. */
interface Staged {
  readonly name: string;
  readonly what: string;
  /** Of the definition. */
  readonly field: string;
  readonly type: 'file' | 'directory';
  readonly targets: readonly string[];
}

/**
 * Lays out the volumes: the workspace in one, all inputs in another beneath {@link INPUTS_MOUNT} with links in their places, and one for each folder that
 * has to be mounted by itself: outside of the workspace, or where the image has a volume.
 *
 * @throws `engine.unsupported` for a file that would have to be mounted by itself on an engine without subpaths.
 */
export function layOutVolumes(plan: RunPlan, options: VolumeLayoutOptions): VolumeLayout {
  const { containerName, hasSubpaths } = options;
  const imageVolumes = options.imageVolumes.map(volumePath);
  const root = plan.workspaceMountPath;
  const inputsFolder = `${root === '/' ? '' : root}/${INPUTS_MOUNT}`;
  const named = (part: string): string => helperName(containerName, part);
  const folder = helperFolder(containerName);
  const helperPath = (path: string): string => `/${folder}/${path}`;
  const [work, inputs] = [named('work'), named('inputs')];
  const staged = stagedOf(plan, options.inputTypes);
  const hasInputs = staged.length > 0;
  const mounts: MountSpec[] = [volumeAt(root, work, false)];
  const helper: VolumeMount[] = [volumeAt(helperPath('workspace'), work, false)];
  const workspaceVolumes = [work];
  const links: InputLink[] = [];
  /** What would be mounted where there are links: no volume of the image is a folder of the workspace in it. */
  const linked: MountSpec[] = [];
  const mountPoints: string[] = [];
  if (hasInputs) {
    mounts.push(volumeAt(inputsFolder, inputs, true));
    helper.push(volumeAt(helperPath('inputs'), inputs, false));
    mountPoints.push(INPUTS_MOUNT);
  }
  for (const { name, what, field, type, targets } of staged) {
    // A tmpfs would hide a link, and the volume of an image be mounted through one, over what it leads to; beneath a file there can be none either way.
    const isMounted = (target: string): boolean =>
      namesBeneathWorkspace(root, target) === null ||
      plan.container.tmpfs.some((tmpfs) => isWithin(tmpfs.target, target)) ||
      imageVolumes.some((path) => (type === 'file' ? path === target : isWithin(target, path)));
    const mounted = targets.filter(isMounted);
    const [first] = mounted;
    const isOwn = first !== undefined && type === 'directory';
    if (isOwn) helper.push(volumeAt(helperPath(`inputs/${name}`), named(`input-${name}`), false));
    for (const target of mounted) {
      if (!isOwn && !hasSubpaths) throw unsupported(what, field, target);
      mounts.push(
        isOwn
          ? volumeAt(target, named(`input-${name}`), true)
          : { ...volumeAt(target, inputs, true), subpath: name },
      );
      mountPoints.push(...beneath(root, target));
    }
    for (const target of targets) {
      if (isMounted(target)) continue;
      linked.push(volumeAt(target, inputs, true));
      const leadsTo = isOwn ? first : `${inputsFolder}/${name}`;
      links.push(...beneath(root, target).map((path) => ({ path, target: leadsTo })));
    }
  }
  const secretsMount = plan.container.mounts.find(({ source }) => source === PLACEHOLDER.secrets);
  const secrets = secretsMount === undefined ? null : volumeAt(secretsMount.target, named('secrets'), true);
  if (secrets !== null) {
    mounts.push(secrets);
    helper.push(volumeAt(helperPath('secrets'), secrets.source, false));
  }
  const container = { ...plan.container, mounts: [...mounts, ...linked] };
  const cover = coverImageVolumes({ ...plan, container }, imageVolumes);
  for (const [index, { target }] of cover.mounts.entries()) {
    const volume = named(`volume-${String(index)}`);
    mounts.push(volumeAt(target, volume, false));
    workspaceVolumes.push(volume);
    helper.push(volumeAt(helperPath(`workspace/${cover.workspaceFolders[index] ?? ''}`), volume, false));
  }
  return {
    volumes: helper.map(({ source }) => source),
    workspaceVolumes,
    mounts,
    imageTmpfs: cover.tmpfs,
    helperFolder: folder,
    helperMounts: parentsFirst(helper),
    helperTmpfs: helperTmpfs(options.imageVolumes, plan.volumeMask),
    links,
    mountPoints,
    workspaceFolders: [...(hasInputs ? [INPUTS_MOUNT] : []), ...cover.workspaceFolders],
    hasInputs,
    secrets: secrets?.source ?? null,
  };
}

const volumeAt = (target: string, source: string, readOnly: boolean): VolumeMount => ({
  ...{ type: 'volume', source, subpath: null, target, readOnly },
});

/** The path in the workspace of a container path, if it is there. */
function beneath(root: string, target: string): readonly string[] {
  const names = namesBeneathWorkspace(root, target);
  return names === null ? [] : [names.join('/')];
}

function stagedOf(
  { inputs, configFile }: RunPlan,
  types: VolumeLayoutOptions['inputTypes'],
): readonly Staged[] {
  const staged: Staged[] = inputs.flatMap((input, index) => {
    const type = types[index] ?? null;
    const { targets } = input;
    return type === null
      ? []
      : [
          {
            name: stagedName(input.stagedAt),
            what: describeInput(input),
            field: `docker.inputs.${String(index)}`,
            type,
            targets,
          },
        ];
  });
  if (configFile !== null) {
    const { stagedAt, targets } = configFile;
    staged.push({
      name: stagedName(stagedAt),
      what: 'the configuration file',
      field: 'docker.configFile',
      type: 'file',
      targets,
    });
  }
  return staged;
}

function unsupported(what: string, field: string, target: string): EngineError {
  const message = `${what} is a file that is to be at ${JSON.stringify(target)}, which needs a mount of its own: this engine mounts whole volumes only`;
  return new EngineError('engine.unsupported', message, {
    hint: 'give it a place in the workspace that no docker.tmpfs and no VOLUME of the image covers, give a folder, or use an engine with version 1.45 of the Docker API or newer',
    details: { field },
  });
}
