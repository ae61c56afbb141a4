/** Reads from the Docker Engine API's inspection what was applied to a container. Pure data, as `convert.ts`; it judges nothing. */
import { constants } from 'node:os';
import { effectiveCapabilities } from '../../base/capabilities.js';
import { GPU_CAPABILITIES } from '../../base/gpu-capabilities.js';
import type { GpuCapability, GpuSpec } from '../../plan/container-spec.js';
import type { AppliedMount, AppliedResources, AppliedSpec, AppliedTmpfs } from '../applied-spec.js';
import type { Dialect } from './api-version.js';
import { isReadOnlyCover, PODMAN_UNTOLD } from './podman-spec.js';
import {
  toList,
  toNumberOrNull,
  toObject,
  toText,
  toTextOrNull,
  toTexts,
  type JsonObject,
} from './json-fields.js';

const NO_NEW_PRIVILEGES = /^no-new-privileges([:=]true)?$/;

/** Settings nobody asks for here; any that is not empty is told. What can only make a container weaker than asked is left out. */
const OTHER_SETTINGS = [
  'Annotations',
  'BlkioWeight',
  'Cgroup',
  'CgroupParent',
  'CpuRealtimePeriod',
  'CpuRealtimeRuntime',
  'CpuShares',
  'CpusetCpus',
  'CpusetMems',
  'Dns',
  'DnsOptions',
  'DnsSearch',
  'ExtraHosts',
  'GroupAdd',
  'Links',
  'OomKillDisable',
  'OomScoreAdj',
  'StorageOpt',
  'Sysctls',
  'VolumesFrom',
];

/** Some of the paths every engine protects; `systempaths=unconfined` empties both lists. */
const MASKED = ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'];
const READ_ONLY = ['/proc/bus', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** What Podman calls the network of mode `bridge`. */
const PODMAN_BRIDGE = 'podman';

const MAX_SHOWN = 200;

const show = (value: unknown): string => JSON.stringify(value).slice(0, MAX_SHOWN);

const by =
  <T>(key: (item: T) => string) =>
  (first: T, second: T): number =>
    key(first) < key(second) ? -1 : 1;

/** What was applied, from the whole inspection of a container. */
export function toAppliedSpec(inspection: JsonObject, dialect: Dialect = 'docker'): AppliedSpec {
  const isPodman = dialect === 'podman';
  const host = toObject(inspection['HostConfig']);
  const config = toObject(inspection['Config']);
  const securityOptions = toTexts(host['SecurityOpt']);
  const networkMode = toText(host['NetworkMode']);
  const ownNetwork = isPodman && networkMode === 'bridge' ? PODMAN_BRIDGE : networkMode;
  const networks = Object.keys(toObject(toObject(inspection['NetworkSettings'])['Networks']));
  const tmpfs = Object.entries(toObject(host['Tmpfs']))
    .filter(([target, options]) => !isPodman || !isReadOnlyCover(target, toText(options)))
    .map(([target, options]) => readTmpfs(target, toText(options)));
  return {
    operatingSystem: toText(inspection['Platform']),
    entryPoint: toTexts(config['Entrypoint']),
    command: toTexts(config['Cmd']),
    workingDirectory: toText(config['WorkingDir']) || '/',
    environment: toTexts(config['Env'])
      .map(readVariable)
      .sort(by(({ name }) => name)),
    user: toText(config['User']),
    networkMode,
    otherNetworks: networks.filter((name) => name !== ownNetwork).sort(),
    readOnlyRootFilesystem: host['ReadonlyRootfs'] === true,
    // Podman names each capability it drops.
    capabilities: effectiveCapabilities(toTexts(host['CapDrop']), toTexts(host['CapAdd'])),
    noNewPrivileges: securityOptions.some((option) => NO_NEW_PRIVILEGES.test(option)),
    init: host['Init'] === true,
    resources: readResources(host),
    gpu: readGpu(host),
    runtime: toText(host['Runtime']) || null,
    mounts: toList(inspection['Mounts'])
      .map((entry) => readMount(entry, toList(host['Mounts']).map(toObject)))
      .sort(by(({ target }) => target)),
    tmpfs: tmpfs
      // The mode was chosen for want of an owner.
      .map(({ applied }) => (isPodman ? { ...applied, mode: null } : applied))
      .sort(by(({ target }) => target)),
    stopSignal: readSignal(toText(config['StopSignal'])),
    stdin: config['OpenStdin'] === true,
    log: readLog(toObject(host['LogConfig'])),
    privileged: host['Privileged'] === true,
    sharedNamespaces: readNamespaces(host, isPodman),
    devices: [
      ...toList(host['Devices']).map((device) => toText(toObject(device)['PathOnHost'])),
      ...toTexts(host['DeviceCgroupRules']),
    ].sort(),
    securityOptions: securityOptions.filter((option) => !NO_NEW_PRIVILEGES.test(option)).sort(),
    systemPathsProtected: protects(host['MaskedPaths'], MASKED) && protects(host['ReadonlyPaths'], READ_ONLY),
    publishedPorts: [
      ...Object.keys(toObject(host['PortBindings'])),
      ...(host['PublishAllPorts'] === true ? ['all'] : []),
    ].sort(),
    restarts: !['', 'no'].includes(toText(toObject(host['RestartPolicy'])['Name'])),
    autoRemove: host['AutoRemove'] === true,
    terminal: config['Tty'] === true,
    healthCheck: !['NONE', undefined].includes(toTexts(toObject(config['Healthcheck'])['Test'])[0]),
    others: [
      ...OTHER_SETTINGS.filter((name) => !isEmpty(host[name])).map((name) => `${name}=${show(host[name])}`),
      ...tmpfs.flatMap(({ unknown, applied }) =>
        unknown.map((option) => `tmpfs ${applied.target}: ${option}`),
      ),
    ],
    untold: isPodman ? PODMAN_UNTOLD : [],
  };
}

function readVariable(line: string): AppliedSpec['environment'][number] {
  const end = line.indexOf('=');
  return end === -1 ? { name: line, value: '' } : { name: line.slice(0, end), value: line.slice(end + 1) };
}

function readResources(host: JsonObject): AppliedResources {
  const positive = (name: string): number | null => {
    const value = toNumberOrNull(host[name]) ?? 0;
    return value > 0 ? value : null;
  };
  const memoryBytes = positive('Memory');
  // Docker counts memory and swap together; -1, and 0 for an engine that has not filled it in, is without a limit.
  const both = positive('MemorySwap');
  return {
    cpus: (positive('NanoCpus') ?? 0) / 1e9,
    memoryBytes,
    swapBytes: memoryBytes === null || both === null ? null : both - memoryBytes,
    pidsLimit: positive('PidsLimit'),
    shmBytes: positive('ShmSize') ?? 0,
    ulimits: toList(host['Ulimits'])
      .map((entry) => {
        const { Name: name, Soft: soft, Hard: hard } = toObject(entry);
        return {
          // Podman says RLIMIT_NOFILE.
          name: toText(name)
            .toLowerCase()
            .replace(/^rlimit_/, ''),
          soft: toNumberOrNull(soft) ?? 0,
          hard: toNumberOrNull(hard) ?? 0,
        };
      })
      .sort(by(({ name }) => name)),
  };
}

/** Whatever a specification cannot ask for is given in the engine's words. */
function readGpu(host: JsonObject): AppliedSpec['gpu'] {
  const requests = toList(host['DeviceRequests']).map(toObject);
  const [only, second] = requests;
  if (only === undefined) return null;
  const devices = readDevices(only);
  const [all, ...alternatives] = toList(only['Capabilities']).map(toTexts);
  const [gpu, ...others] = all ?? [];
  const capabilities = GPU_CAPABILITIES.filter((known) => others.includes(known));
  const isOurs =
    second === undefined &&
    alternatives.length === 0 &&
    gpu === 'gpu' &&
    capabilities.length === others.length &&
    isEmpty(only['Driver']) &&
    isEmpty(only['Options']);
  return devices === null || !isOurs ? show(requests) : { devices, capabilities: others as GpuCapability[] };
}

function readDevices(request: JsonObject): GpuSpec['devices'] | null {
  const count = toNumberOrNull(request['Count']) ?? 0;
  const ids = toTexts(request['DeviceIDs']);
  if (ids.length > 0) return count === 0 ? ids : null;
  if (count === -1) return 'all';
  return count > 0 ? count : null;
}

/** The list of mounts in the answer itself: whatever asked for them (mounts, binds, volumes of the image or of another container). */
function readMount(entry: unknown, asked: readonly JsonObject[]): AppliedMount {
  const mount = toObject(entry);
  const type = toText(mount['Type']);
  const target = toText(mount['Destination']);
  const isVolume = type === 'volume';
  // Which part of a volume is mounted is told only where it was asked for; an engine that cannot do it has forgotten it.
  const request = asked.find((each) => each['Target'] === target);
  const options = toObject(request?.['VolumeOptions']);
  return {
    type,
    source: toText(mount[isVolume ? 'Name' : 'Source']),
    subpath: isVolume ? toTextOrNull(options['Subpath']) : null,
    target,
    readOnly: mount['RW'] === false,
    // Docker gives no propagation of volumes, Podman that of all its mounts.
    isPrivate: ['private', 'rprivate', ...(isVolume ? [''] : [])].includes(toText(mount['Propagation'])),
  };
}

/** They take nothing away from what was asked. Podman adds `rprivate` to each. */
const HARMLESS_TMPFS_OPTIONS: ReadonlySet<string> = new Set(['rw', 'rprivate', 'notmpcopyup']);

/** Where options contradict each other, the last one counts. Docker adds `noexec,nosuid,nodev` before them. */
function readTmpfs(
  target: string,
  options: string,
): { readonly applied: AppliedTmpfs; readonly unknown: readonly string[] } {
  let exec = false;
  let suid = false;
  let dev = false;
  const values = new Map<string, string>();
  const unknown: string[] = [];
  for (const option of options.split(',').filter((each) => each !== '')) {
    const [name = '', value] = option.split('=');
    if (name === 'exec' || name === 'noexec') exec = name === 'exec';
    else if (name === 'suid' || name === 'nosuid') suid = name === 'suid';
    else if (name === 'dev' || name === 'nodev') dev = name === 'dev';
    else if (value !== undefined && ['size', 'nr_inodes', 'uid', 'gid', 'mode'].includes(name)) {
      values.set(name, value);
    } else if (!HARMLESS_TMPFS_OPTIONS.has(option)) unknown.push(option);
  }
  const number = (name: string): number | null => {
    const value = values.get(name) ?? '';
    return /^\d+$/.test(value) ? Number(value) : null;
  };
  const applied = {
    target,
    sizeBytes: number('size'),
    inodes: number('nr_inodes'),
    uid: number('uid'),
    gid: number('gid'),
    mode: values.get('mode')?.padStart(4, '0') ?? null,
    exec,
    isHardened: !suid && !dev,
  };
  return { applied, unknown };
}

/** Podman gives the number. */
function readSignal(word: string): string {
  if (word === '') return 'SIGTERM';
  const number = /^\d+$/.test(word) ? Number(word) : null;
  return Object.entries(constants.signals).find(([, each]) => each === number)?.[0] ?? word;
}

function readLog({ Type: type, Config: config }: JsonObject): AppliedSpec['log'] {
  const bound = (name: string): number => Number(toText(toObject(config)[name]) || NaN);
  const log = { maxBytesPerFile: bound('max-size'), maxFiles: bound('max-file') };
  return type === 'local' && Object.values(log).every((value) => value > 0) ? log : null;
}

function readNamespaces(host: JsonObject, isPodman: boolean): readonly string[] {
  const modes = [
    { name: 'pid', mode: toText(host['PidMode']), own: ['', 'private'] },
    // Empty is up to the engine's configuration. Podman calls one of its own `shareable`, and does not tell that of control groups.
    {
      name: 'ipc',
      mode: toText(host['IpcMode']),
      own: ['private', 'none', ...(isPodman ? ['shareable'] : [])],
    },
    { name: 'cgroup', mode: toText(host['CgroupnsMode']), own: ['private', ...(isPodman ? [''] : [])] },
    { name: 'uts', mode: toText(host['UTSMode']), own: ['', 'private'] },
    { name: 'user', mode: toText(host['UsernsMode']), own: ['', 'private'] },
  ];
  return modes
    .filter(({ mode, own }) => !own.includes(mode))
    .map(({ name, mode }) => `${name}=${mode === '' ? 'default' : mode}`)
    .sort();
}

/** An engine that gives no list (Podman) protects what it always does. */
function protects(paths: unknown, usual: readonly string[]): boolean {
  return !Array.isArray(paths) || usual.every((path) => paths.includes(path));
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === undefined || value === null || value === '' || value === 0 || value === false;
}
