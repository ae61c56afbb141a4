/** Compares what an engine applied to a created container with what was asked. Pure; it decides nothing and trusts what it is told. */
import { effectiveCapabilities } from '../base/capabilities.js';
import { ADDED_ULIMITS, ADDED_VARIABLES } from '../base/engine-additions.js';
import { normalizeAbsolutePath } from '../base/paths.js';
import type { AppliedMount, AppliedResources, AppliedSpec, AppliedTmpfs } from '../engine/applied-spec.js';
import type { ContainerInfo, ImageInfo, UntoldSetting } from '../engine/types.js';
import type { ContainerSpec } from './container-spec.js';

/** One thing about a container that is not as it was asked for. Without values of the environment. */
export interface SpecDifference {
  /** For example `capabilitiesDropped`, `mounts./workspace/in` or `environment.PATH`. */
  readonly field: string;
  readonly wanted: string;
  readonly found: string;
}

/** What a container takes from its image where its specification leaves it open. */
export type ImageDefaults = Pick<ImageInfo, 'entryPoint' | 'command' | 'workingDirectory' | 'environment'>;

interface Pair {
  readonly spec: ContainerSpec;
  readonly image: ImageDefaults;
  readonly info: ContainerInfo;
  readonly applied: AppliedSpec;
}

type Check = (pair: Pair) => readonly SpecDifference[];

/** Docker Desktop shows folders of this host by where its virtual machine has them. */
const DESKTOP_PREFIX = '/host_mnt';

const NOTHING = 'nothing';
const MAX_SHOWN = 200;

/** Each field of a specification has its check: a new one without does not compile. */
const SPEC_CHECKS: Readonly<Record<keyof ContainerSpec, Check>> = {
  name: ({ spec, info }) => same('name', spec.name, info.name),
  image: ({ spec, info }) => same('image', spec.image, info.imageId),
  // The rest of a platform is the image's, whose id is compared.
  platform: ({ spec, applied }) =>
    spec.platform === null ? [] : same('platform', spec.platform.split('/')[0], applied.operatingSystem),
  entryPoint: ({ spec, image, applied }) =>
    same('entryPoint', spec.entryPoint ?? image.entryPoint, applied.entryPoint),
  command: ({ spec, image, applied }) => same('command', commandOf(spec, image), applied.command),
  workingDirectory: ({ spec, image, applied }) => {
    const wanted = spec.workingDirectory ?? image.workingDirectory ?? '/';
    return same('workingDirectory', plainPath(wanted), plainPath(applied.workingDirectory));
  },
  environment: ({ spec, image, applied }) => compareEnvironment(spec, image, applied),
  user: ({ spec, applied }) => same('user', spec.user, applied.user),
  networkMode: ({ spec, applied }) => same('networkMode', spec.networkMode, applied.networkMode),
  readOnlyRootFilesystem: ({ spec, applied }) =>
    same('readOnlyRootFilesystem', spec.readOnlyRootFilesystem, applied.readOnlyRootFilesystem),
  // The two lists are compared by the set they come to: engines write the same one in different words.
  capabilitiesDropped: ({ spec, applied }) =>
    same('capabilitiesDropped', [], without(applied.capabilities, capabilitiesOf(spec))),
  capabilitiesAdded: ({ spec, applied }) =>
    same('capabilitiesAdded', without(capabilitiesOf(spec), applied.capabilities), []),
  noNewPrivileges: ({ spec, applied }) =>
    same('noNewPrivileges', spec.noNewPrivileges, applied.noNewPrivileges),
  init: ({ spec, applied }) => same('init', spec.init, applied.init),
  resources: (pair) => Object.values(RESOURCE_CHECKS).flatMap((check) => check(pair)),
  gpu: ({ spec, applied }) => same('gpu', spec.gpu, applied.gpu),
  // Null leaves the choice to the engine, which then tells the name of its own default.
  runtime: ({ spec, applied }) =>
    spec.runtime === null ? [] : same('runtime', spec.runtime, applied.runtime),
  mounts: ({ spec, applied }) => {
    const sources = new Map(spec.mounts.map(({ target, source }) => [target, source]));
    const wanted = spec.mounts.map((mount) => describeMount({ subpath: null, ...mount, isPrivate: true }));
    const found = applied.mounts.map((mount) => {
      const source = sources.get(mount.target);
      const isShared = source !== undefined && mount.source === DESKTOP_PREFIX + source;
      return describeMount(isShared ? { ...mount, source } : mount);
    });
    return compareTargets('mounts', wanted, found);
  },
  tmpfs: ({ spec, applied }) => {
    const describe = (tmpfs: AppliedTmpfs): Described => describeTmpfs(tmpfs, applied.untold ?? []);
    const wanted = spec.tmpfs.map((tmpfs) => describe({ ...tmpfs, isHardened: true }));
    return compareTargets('tmpfs', wanted, applied.tmpfs.map(describe));
  },
  stopSignal: ({ spec, applied }) => same('stopSignal', spec.stopSignal, applied.stopSignal),
  stdin: ({ spec, applied }) => same('stdin', spec.stdin, applied.stdin),
  log: ({ spec, applied }) =>
    applied.untold?.includes('log') === true
      ? []
      : same('log', describeLog(spec.log), describeLog(applied.log)),
  // Those of the image come on top.
  labels: ({ spec, info }) =>
    Object.entries(spec.labels).flatMap(([name, value]) =>
      same(`labels.${name}`, value, info.labels[name] ?? null),
    ),
};

const RESOURCE_CHECKS: Readonly<Record<keyof AppliedResources, Check>> = {
  // Engines count in billionths of a processor.
  cpus: ({ spec, applied }) =>
    same('resources.cpus', toBillionths(spec.resources.cpus), toBillionths(applied.resources.cpus)),
  memoryBytes: ({ spec, applied }) =>
    same('resources.memoryBytes', spec.resources.memoryBytes, applied.resources.memoryBytes),
  swapBytes: ({ applied }) => same('resources.swapBytes', 0, applied.resources.swapBytes),
  pidsLimit: ({ spec, applied }) =>
    same('resources.pidsLimit', spec.resources.pidsLimit, applied.resources.pidsLimit),
  shmBytes: ({ spec, applied }) =>
    same('resources.shmBytes', spec.resources.shmBytes, applied.resources.shmBytes),
  ulimits: ({ spec, applied }) => {
    const lines = (ulimits: AppliedResources['ulimits']): readonly string[] =>
      ulimits.map(({ name, soft, hard }) => `${name}=${String(soft)}:${String(hard)}`).sort();
    const asked = new Set(spec.resources.ulimits.map(({ name }) => name));
    const found = applied.resources.ulimits.filter(({ name }) => asked.has(name) || !ADDED_ULIMITS.has(name));
    return same('resources.ulimits', lines(spec.resources.ulimits), lines(found));
  },
};

/** What a specification cannot ask for; these fields too are checked one by one. */
const BEYOND_CHECKS: Readonly<Record<Exclude<keyof AppliedSpec, keyof ContainerSpec>, Check>> = {
  // Compared with the platform, and with the two lists of capabilities.
  operatingSystem: () => [],
  capabilities: () => [],
  otherNetworks: ({ applied }) => same('otherNetworks', [], applied.otherNetworks),
  privileged: ({ applied }) => same('privileged', false, applied.privileged),
  sharedNamespaces: ({ applied }) => same('sharedNamespaces', [], applied.sharedNamespaces),
  devices: ({ applied }) => same('devices', [], applied.devices),
  securityOptions: ({ applied }) => same('securityOptions', [], applied.securityOptions),
  systemPathsProtected: ({ applied }) => same('systemPathsProtected', true, applied.systemPathsProtected),
  publishedPorts: ({ applied }) => same('publishedPorts', [], applied.publishedPorts),
  restarts: ({ applied }) => same('restarts', false, applied.restarts),
  autoRemove: ({ applied }) => same('autoRemove', false, applied.autoRemove),
  terminal: ({ applied }) => same('terminal', false, applied.terminal),
  healthCheck: ({ applied }) => same('healthCheck', false, applied.healthCheck),
  others: ({ applied }) => same('others', [], applied.others),
  // It says what not to compare.
  untold: () => [],
};

/**
 * Every difference between a specification and what `inspect` says of its container, which was created and not started yet; none if it is as
 * it should be. `image` is what was inspected under `spec.image`.
 */
export function attest(
  spec: ContainerSpec,
  image: ImageDefaults,
  info: ContainerInfo,
): readonly SpecDifference[] {
  const { applied } = info;
  if (applied === null) return [{ field: 'applied', wanted: 'what was applied', found: NOTHING }];
  const pair = { spec, image, info, applied };
  return [...Object.values(SPEC_CHECKS), ...Object.values(BEYOND_CHECKS)].flatMap((check) => check(pair));
}

function same(field: string, wanted: unknown, found: unknown): readonly SpecDifference[] {
  const [wantedText, foundText] = [JSON.stringify(wanted), JSON.stringify(found)];
  return wantedText === foundText ? [] : [difference(field, wantedText, foundText)];
}

/** What is found comes from outside: it may be long. */
function difference(field: string, wanted: string, found: string): SpecDifference {
  const cut = (text: string): string => (text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);
  return { field: cut(field), wanted: cut(wanted), found: cut(found) };
}

/** An entry point of its own clears the command of the image. */
function commandOf({ entryPoint, command }: ContainerSpec, image: ImageDefaults): readonly string[] {
  return command ?? (entryPoint === null || entryPoint.length === 0 ? image.command : []);
}

/** Engines tidy paths up. */
function plainPath(path: string): string {
  return path.startsWith('/') ? normalizeAbsolutePath(path) : path;
}

function capabilitiesOf(spec: ContainerSpec): readonly string[] {
  return effectiveCapabilities(spec.capabilitiesDropped, spec.capabilitiesAdded);
}

function without(names: readonly string[], others: readonly string[]): readonly string[] {
  return names.filter((name) => !others.includes(name));
}

function describeLog(log: AppliedSpec['log']): string {
  return log === null
    ? 'unbounded or elsewhere'
    : `${String(log.maxFiles)} files of ${String(log.maxBytesPerFile)} bytes`;
}

function toBillionths(cpus: number): number {
  return Math.round(cpus * 1e9);
}

/** Values may be secrets, so they are compared and never told. */
function compareEnvironment(
  spec: ContainerSpec,
  image: ImageDefaults,
  { environment }: AppliedSpec,
): readonly SpecDifference[] {
  const inherited = image.environment.map((line): readonly [string, string] => {
    const [name = ''] = line.split('=');
    return [name, line.slice(name.length + 1)];
  });
  const wanted = new Map([
    ...inherited,
    ...spec.environment.map(({ name, value }) => [name, value] as const),
  ]);
  const found = new Map<string, readonly string[]>();
  for (const { name, value } of environment) found.set(name, [...(found.get(name) ?? []), value]);
  const changed = [...wanted].flatMap(([name, value]) => {
    const values = found.get(name) ?? [];
    if (values.length === 1 && values[0] === value) return [];
    const what = values.length === 0 ? NOTHING : 'another value';
    return [difference(`environment.${name}`, 'the value given', what)];
  });
  const extra = [...found.keys()].filter((name) => !wanted.has(name) && !ADDED_VARIABLES.has(name));
  return [...changed, ...extra.map((name) => difference(`environment.${name}`, NOTHING, 'a value'))];
}

/** Something mounted, in words. */
interface Described {
  readonly target: string;
  readonly text: string;
}

function describeMount({ type, source, subpath, target, readOnly, isPrivate }: AppliedMount): Described {
  const access = `${readOnly ? 'read-only' : 'writable'}${isPrivate ? '' : ', shared'}`;
  const part = subpath === null ? '' : ` at ${subpath}`;
  return { target, text: `${type} of ${source}${part}, ${access}` };
}

function describeTmpfs({ target, ...tmpfs }: AppliedTmpfs, untold: readonly UntoldSetting[]): Described {
  const { sizeBytes, inodes, uid, gid, mode, exec, isHardened } = tmpfs;
  const told = {
    sizeBytes,
    ...(untold.includes('tmpfsInodes') ? {} : { inodes }),
    ...(untold.includes('tmpfsOwners') ? {} : { uid, gid, mode }),
  };
  const text = [
    ...Object.entries(told).map(([name, value]) => `${name} ${String(value)}`),
    exec ? 'exec' : 'noexec',
    ...(isHardened ? [] : ['devices or set-user-id programs']),
  ].join(', ');
  return { target, text };
}

function compareTargets(
  field: string,
  wanted: readonly Described[],
  found: readonly Described[],
): readonly SpecDifference[] {
  const targets = new Set([...wanted, ...found].map(({ target }) => target));
  const textOf = (all: readonly Described[], target: string): string =>
    all.flatMap((each) => (each.target === target ? [each.text] : [])).join('; ') || NOTHING;
  return [...targets].flatMap((target) => {
    const [wantedText, foundText] = [textOf(wanted, target), textOf(found, target)];
    return wantedText === foundText ? [] : [difference(`${field}.${target}`, wantedText, foundText)];
  });
}
