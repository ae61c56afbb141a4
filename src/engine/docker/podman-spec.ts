/** What Podman has to be told in other words than Docker, must not be told, and does not do. Pure data; `create-body.ts` makes requests of it. */
import { isListablePath, LISTABLE_RULE } from '../../base/listable-path.js';
import { EngineError } from '../../errors.js';
import type { BindMount, ContainerSpec, TmpfsSpec } from '../../plan/container-spec.js';
import type { EngineGap, UntoldSetting } from '../gaps.js';

/** As of Podman 4.3. */
export const PODMAN_GAPS: readonly EngineGap[] = [
  'copies',
  'mountPaths',
  'startErrors',
  'killSignals',
  'runtimes',
  'gpus',
];

/** As of Podman 4.3. */
export const PODMAN_UNTOLD: readonly UntoldSetting[] = ['log', 'tmpfsOwners', 'tmpfsInodes'];

/** Where Podman puts writable temporary file systems without a size into a container whose root is read-only, unless something is there. */
const WRITABLE_FOLDERS: readonly string[] = ['/run', '/tmp', '/var/tmp'];

/** What covers those: what the image has there, read-only, as the rest of the root. */
const READ_ONLY_COVER = 'ro,nosuid,nodev,noexec,tmpcopyup';

/**
 * Refuses what would be read as options: Podman joins each mount with commas into one line, and a tmpfs with its options by a colon.
 * @throws `engine.unsupported` that names the field and what is allowed.
 */
export function requireListable(spec: Pick<ContainerSpec, 'mounts' | 'tmpfs'>): void {
  const paths = [
    ...spec.mounts.flatMap(({ source, target }, index) => [
      { field: `mounts[${String(index)}].source`, path: source, of: 'mount' as const },
      { field: `mounts[${String(index)}].target`, path: target, of: 'mount' as const },
    ]),
    ...spec.tmpfs.map(({ target }, index) => ({
      field: `tmpfs[${String(index)}].target`,
      path: target,
      of: 'tmpfs' as const,
    })),
  ];
  const bad = paths.find(({ path, of }) => !isListablePath(path, of));
  if (bad === undefined) return;
  throw new EngineError(
    'engine.unsupported',
    `${bad.field}: Podman would read a part of ${JSON.stringify(bad.path)} as options: it takes paths ${LISTABLE_RULE[bad.of]}`,
    { hint: 'rename the file or folder, or use Docker', details: { field: bad.field } },
  );
}

/**
 * Podman makes a folder of root's for every `Source` that is not there, and would start the job on it. It puts source and target into one line of options,
 * and refuses a source of that line which is not there: so it is told of it with the target only. Where another version took that for a strange target, it
 * would have no source, or the container would not be what was asked for.
 */
export function toPodmanBind({ source, target }: BindMount): Readonly<Record<string, string>> {
  return { Target: `${target},source=${source}` };
}

/** Podman knows neither owners of a tmpfs nor a number of files, so whoever is not root needs a folder that all may write to. */
function tmpfsOptions({ exec, uid, mode, sizeBytes }: TmpfsSpec): string {
  const options = ['rw', 'nosuid', 'nodev', exec ? 'exec' : 'noexec', 'notmpcopyup'];
  return [...options, `mode=${uid === 0 ? mode : '1777'}`, `size=${String(sizeBytes)}`].join(',');
}

/** Every tmpfs by its target, also those that keep a read-only root what it is. */
export function toPodmanTmpfs(spec: ContainerSpec): Readonly<Record<string, string>> {
  const taken = new Set([...spec.mounts, ...spec.tmpfs].map(({ target }) => target));
  const covers = spec.readOnlyRootFilesystem ? WRITABLE_FOLDERS.filter((folder) => !taken.has(folder)) : [];
  return {
    ...Object.fromEntries(covers.map((folder) => [folder, READ_ONLY_COVER])),
    ...Object.fromEntries(spec.tmpfs.map((tmpfs) => [tmpfs.target, tmpfsOptions(tmpfs)])),
  };
}

/** Whether one that was applied is only what keeps the root read-only. Podman adds to the options it was given. */
export function isReadOnlyCover(target: string, options: string): boolean {
  return WRITABLE_FOLDERS.includes(target) && options.split(',').includes('ro');
}

/** Podman keeps one file of output, in its own format. */
export function toPodmanLog({ log }: Pick<ContainerSpec, 'log'>): Readonly<Record<string, unknown>> {
  return { Type: 'k8s-file', Config: { 'max-size': String(log.maxBytesPerFile * log.maxFiles) } };
}
