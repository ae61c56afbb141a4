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
export function planMounts(request: RunRequest): MountPlan {
  const root = normalizeAbsolutePath(request.container.workspaceMountPath);
  const targetsOf = (workspacePath: string, mountPath: string | null): readonly string[] => {
    const inside = `${root === '/' ? '' : root}/${workspacePath}`;
    return mountPath === null ? [inside] : [...new Set([inside, normalizeAbsolutePath(mountPath)])];
  };
  const inputs = request.inputs.map((input, index) => ({
    ...input,
    stagedAt: `${PLACEHOLDER.workspace}/inputs/${String(index)}`,
    targets: targetsOf(input.workspacePath, input.mountPath),
  }));
  const { configFile } = request;
  const plannedConfigFile =
    configFile === null
      ? null
      : {
          ...configFile,
          stagedAt: `${PLACEHOLDER.workspace}/inputs/config`,
          targets: targetsOf(configFile.filename, configFile.mountPath),
        };
  const readOnly = [...inputs, ...(plannedConfigFile === null ? [] : [plannedConfigFile])].flatMap(
    ({ stagedAt, targets }) =>
      targets.map((target) => ({ type: 'bind' as const, source: stagedAt, target, readOnly: true })),
  );
  const workspace: MountSpec = {
    type: 'bind',
    source: `${PLACEHOLDER.workspace}/workspace`,
    target: root,
    readOnly: false,
  };
  const hasSecretFiles = request.container.environment.some(
    (variable) => 'secret' in variable && variable.as === 'file',
  );
  const secrets: readonly MountSpec[] = hasSecretFiles
    ? [{ type: 'bind', source: PLACEHOLDER.secrets, target: SECRETS_FOLDER, readOnly: true }]
    : [];
  return {
    mounts: parentsFirst([workspace, ...readOnly, ...secrets]),
    inputs,
    configFile: plannedConfigFile,
  };
}

/** A stable order in which nothing is mounted over what was mounted before it. */
export function parentsFirst<T extends { readonly target: string }>(mounts: readonly T[]): readonly T[] {
  const depth = ({ target }: T): number => target.split('/').filter(Boolean).length;
  return [...mounts].sort((first, second) => depth(first) - depth(second));
}

/** Whether a path is one of the targets. */
export function isTarget(mounts: readonly { readonly target: string }[], path: string): boolean {
  return mounts.some(({ target }) => target === path);
}

/** Whether a path lies beneath a folder, not being it. */
export function isBeneath(folder: string, path: string): boolean {
  return folder !== path && isWithin(folder, path);
}
