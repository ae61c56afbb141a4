/** Where inputs, configuration file and workspace appear in the container. Pure. */
import { isWithin, normalizeAbsolutePath } from '../base/paths.js';
import type { MountSpec, RunRequest } from './container-spec.js';
import { PLACEHOLDER, type PlannedConfigFile, type PlannedInput } from './run-plan.js';

/**
 * Where files of secrets appear. No job can ask for a mount here: `/run` is on the deny-list of mount targets, so that this place is
 * always ours.
 */
const SECRETS_FOLDER = '/run/secrets';

/** Where a variable's secret lies in the container when it is delivered as a file. */
export function secretFilePath(variableName: string): string {
  return `${SECRETS_FOLDER}/${variableName}`;
}

/** Mounts of a plan, and the things they are for. */
export interface MountPlan {
  /** Parents before children. */
  readonly mounts: readonly MountSpec[];
  readonly inputs: readonly PlannedInput[];
  readonly configFile: PlannedConfigFile | null;
}

/**
 * Each input and the configuration file read-only at its workspace path and its mount path; the workspace itself writable; one read-only folder
 * with all secrets that are files: what is removed from it is gone in the container at once, which a mount of each file would not give.
 */
export function planMounts({ container, inputs, configFile }: RunRequest): MountPlan {
  const root = normalizeAbsolutePath(container.workspaceMountPath);
  const mounts: MountSpec[] = [bind(`${PLACEHOLDER.workspace}/workspace`, root, false)];
  const plannedInputs = inputs.map((input, index) => ({
    ...input,
    stagedAt: `${PLACEHOLDER.workspace}/inputs/${String(index)}`,
    targets: targetsOf(root, input.workspacePath, input.mountPath),
  }));
  const plannedConfigFile =
    configFile === null
      ? null
      : {
          ...configFile,
          stagedAt: `${PLACEHOLDER.workspace}/inputs/config`,
          targets: targetsOf(root, configFile.filename, configFile.mountPath),
        };
  const staged = plannedConfigFile === null ? plannedInputs : [...plannedInputs, plannedConfigFile];
  for (const { stagedAt, targets } of staged) {
    for (const target of targets) mounts.push(bind(stagedAt, target, true));
  }
  if (container.environment.some((variable) => 'secret' in variable && variable.as === 'file')) {
    mounts.push(bind(PLACEHOLDER.secrets, SECRETS_FOLDER, true));
  }
  return { mounts: parentsFirst(mounts), inputs: plannedInputs, configFile: plannedConfigFile };
}

function targetsOf(root: string, workspacePath: string, mountPath: string | null): readonly string[] {
  const inside = `${root === '/' ? '' : root}/${workspacePath}`;
  if (mountPath === null) return [inside];
  const outside = normalizeAbsolutePath(mountPath);
  return outside === inside ? [inside] : [inside, outside];
}

function bind(source: string, target: string, readOnly: boolean): MountSpec {
  return { type: 'bind', source, target, readOnly };
}

/** A stable order in which nothing is mounted over what was mounted before it. */
export function parentsFirst<T extends { readonly target: string }>(mounts: readonly T[]): readonly T[] {
  return mounts
    .map((mount) => ({ mount, depth: depthOf(mount.target) }))
    .sort((first, second) => first.depth - second.depth)
    .map(({ mount }) => mount);
}

/** How many names a path has. It is not split into them: every plan asks this of every mount. */
function depthOf(path: string): number {
  let names = 0;
  for (let index = 0; index < path.length; index += 1) {
    if (path[index] !== '/' && (index === 0 || path[index - 1] === '/')) names += 1;
  }
  return names;
}

/** Whether a path is one of the targets. */
export function isTarget(mounts: readonly { readonly target: string }[], path: string): boolean {
  return mounts.some(({ target }) => target === path);
}

/** Whether a path lies beneath a folder, not being it. */
export function isBeneath(folder: string, path: string): boolean {
  return folder !== path && isWithin(folder, path);
}
