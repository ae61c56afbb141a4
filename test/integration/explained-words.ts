/** What a plan's container is in the words of an engine's inspection: written for the test of explanations alone, and not from the code it tests. */
import type { RunPlan } from 'berthkit';
import type { ContainerSpec } from 'berthkit/engine';
import { PROXIES, SECRET } from './explained-jobs.js';

/** JSON as it comes from the engine. */
export type Words = Readonly<Record<string, unknown>>;

/** What takes the place of the plan's placeholders, and what is the image's and the engine's. */
export interface Surroundings {
  readonly runId: string;
  readonly transport: 'bind' | 'volume';
  readonly containerName: string;
  readonly instance: string;
  readonly owner: string;
  readonly createdAt: string;
  /** The run's folders on this host. */
  readonly workspace: string;
  readonly secrets: string;
  readonly imageId: string;
  readonly image: Words;
  readonly defaultRuntime: string;
}

type Translation = (plan: RunPlan, surroundings: Surroundings) => Words;

/** A field without its translation does not compile. */
const CONTAINER: Readonly<Record<keyof ContainerSpec, Translation>> = {
  name: ({ container }, { containerName }) => ({
    Name: `/${container.name.replace('<containerName>', containerName)}`,
  }),
  image: ({ container }, { imageId }) => ({ Image: container.image.replace('<imageId>', imageId) }),
  platform: ({ container }) => ({ Platform: container.platform?.split('/')[0] ?? 'linux' }),
  entryPoint: ({ container }, { image }) => ({
    'Config.Entrypoint': container.entryPoint ?? image['Entrypoint'],
  }),
  command: ({ container }, { image }) => ({
    'Config.Cmd': container.command ?? (container.entryPoint === null ? image['Cmd'] : []),
  }),
  workingDirectory: ({ container }, { image }) => ({
    'Config.WorkingDir': container.workingDirectory ?? image['WorkingDir'],
  }),
  environment: ({ container }, { image }) => {
    const own = container.environment.flatMap(({ name, value }) => {
      const shown = value.startsWith('<proxy:')
        ? proxyOf(value)
        : value.replace(/^<secret:env:\w+>$/, SECRET);
      return shown === null ? [] : [[name, shown] as const];
    });
    const inherited = (image['Env'] as readonly string[]).map((line) => line.split('=') as [string, string]);
    const all = Object.entries(Object.fromEntries([...inherited, ...own]));
    return { 'Config.Env': all.map((variable) => variable.join('=')).sort() };
  },
  user: ({ container }) => ({ 'Config.User': container.user }),
  networkMode: ({ container }) => ({
    'HostConfig.NetworkMode': container.networkMode,
    Networks: [container.networkMode],
  }),
  readOnlyRootFilesystem: ({ container }) => ({
    'HostConfig.ReadonlyRootfs': container.readOnlyRootFilesystem,
  }),
  capabilitiesDropped: ({ container }) => ({ 'HostConfig.CapDrop': container.capabilitiesDropped }),
  capabilitiesAdded: ({ container }) => ({ 'HostConfig.CapAdd': container.capabilitiesAdded }),
  noNewPrivileges: ({ container }) => ({
    'HostConfig.SecurityOpt': container.noNewPrivileges ? ['no-new-privileges'] : [],
  }),
  init: ({ container }) => ({ 'HostConfig.Init': container.init }),
  resources: ({ container: { resources } }) => ({
    'HostConfig.NanoCpus': Math.round(resources.cpus * 1e9),
    'HostConfig.Memory': resources.memoryBytes,
    'HostConfig.MemorySwap': resources.memoryBytes,
    'HostConfig.PidsLimit': resources.pidsLimit,
    'HostConfig.ShmSize': resources.shmBytes,
    'HostConfig.Ulimits': resources.ulimits
      .map(({ name, soft, hard }) => `${name}=${String(soft)}:${String(hard)}`)
      .sort(),
  }),
  gpu: ({ container: { gpu } }) => ({
    'HostConfig.DeviceRequests':
      gpu === null
        ? null
        : [
            {
              Driver: '',
              Count: typeof gpu.devices === 'number' ? gpu.devices : gpu.devices === 'all' ? -1 : 0,
              DeviceIDs: typeof gpu.devices === 'object' ? gpu.devices : null,
              Capabilities: [['gpu', ...gpu.capabilities]],
              Options: {},
            },
          ],
  }),
  runtime: ({ container }, { defaultRuntime }) => ({
    'HostConfig.Runtime': container.runtime ?? defaultRuntime,
  }),
  mounts: (plan, surroundings) => ({
    Mounts: [
      ...(surroundings.transport === 'bind' ? inFolders : inVolumes)(plan, surroundings),
      ...(plan.workspaceMountPath === '/workspace' && !hides(plan, '/workspace/cache')
        ? [coverInWorkspace(surroundings)]
        : []),
    ]
      .map((mount) => JSON.stringify(mount))
      .sort(),
  }),
  tmpfs: (plan) => {
    const { container, volumeMask } = plan;
    const [uid = '', gid = ''] = container.user.split(':');
    const isFolder = (path: string): boolean =>
      plan.workspaceMountPath === '/workspace' && path.startsWith('/workspace/');
    const masks = ['/data', '/workspace/cache']
      .filter((path) => !hides(plan, path) && !isFolder(path))
      .map((target) => ({ ...volumeMask, target, uid, gid, mode: '0700', exec: true }));
    return {
      'HostConfig.Tmpfs': Object.fromEntries(
        [...container.tmpfs, ...masks].map((each) => [
          each.target,
          [
            'rw,nosuid,nodev',
            each.exec ? 'exec' : 'noexec',
            `uid=${String(each.uid)},gid=${String(each.gid)},mode=${each.mode}`,
            `size=${String(each.sizeBytes)},nr_inodes=${String(each.inodes)}`,
          ].join(','),
        ]),
      ),
    };
  },
  stopSignal: ({ container }) => ({ 'Config.StopSignal': container.stopSignal }),
  stdin: ({ container: { stdin } }) => ({
    'Config.OpenStdin': stdin,
    'Config.StdinOnce': stdin,
    'Config.AttachStdin': stdin,
  }),
  log: ({ container: { log } }) => ({
    'HostConfig.LogConfig': {
      Type: 'local',
      Config: {
        compress: 'false',
        'max-file': String(log.maxFiles),
        'max-size': String(log.maxBytesPerFile),
      },
    },
  }),
  labels: ({ container, planHash }, { image, runId, instance, owner, createdAt }) => {
    const known: Readonly<Record<string, string>> = {
      '<planHash>': planHash,
      '<runId>': runId,
      '<attempt>': '1',
      '<instance>': instance,
      '<owner>': owner,
      '<createdAt>': createdAt,
    };
    const own = Object.entries(container.labels).map(
      ([name, value]) => [name, known[value] ?? value] as const,
    );
    return { 'Config.Labels': { ...(image['Labels'] as object), ...Object.fromEntries(own) } };
  },
};

/** What no plan has a say in, in so far as it is not empty. */
const ALWAYS: Translation = (_plan, { image }) => ({
  'Config.AttachStdout': true,
  'Config.AttachStderr': true,
  'Config.Healthcheck': { Test: ['NONE'] },
  'Config.ExposedPorts': image['ExposedPorts'],
  'Config.Volumes': image['Volumes'],
  'HostConfig.IpcMode': 'private',
  'HostConfig.CgroupnsMode': 'private',
  'HostConfig.RestartPolicy': { Name: 'no', MaximumRetryCount: 0 },
});

/** The container of a plan as an inspection has it. */
export function inEngineWords(plan: RunPlan, surroundings: Surroundings): Words {
  const translations = [...Object.values(CONTAINER), ALWAYS];
  return Object.fromEntries(
    translations.flatMap((translate) => Object.entries(translate(plan, surroundings))),
  );
}

/** Null: Docker's client is told of none. */
function proxyOf(placeholder: string): string | null {
  return Object.entries(PROXIES).find(([kind]) => placeholder === `<proxy:${kind}>`)?.[1] ?? null;
}

const hides = ({ container }: RunPlan, path: string): boolean =>
  container.tmpfs.some(({ target }) => target === path);

/** The path in its storage of what is mounted, if it is from one. */
function storedPath({ inputs }: RunPlan, mounted: string): string | null {
  const from = inputs.find(({ stagedAt }) => stagedAt === mounted)?.source;
  return from?.type === 'filestorePath' ? from.path : null;
}

/** Optional inputs that are not there have no mount. */
const isThere = (plan: RunPlan, mounted: string): boolean => storedPath(plan, mounted) !== '/not-there';

const inFolders = (plan: RunPlan, surroundings: Surroundings): readonly Words[] =>
  plan.container.mounts
    .filter(({ source }) => isThere(plan, source))
    .map(({ type, source, target, readOnly }) => ({
      Type: type,
      Source: source
        .replace('<workspace>', surroundings.workspace)
        .replace('<secrets>', surroundings.secrets),
      Subpath: '',
      Destination: target,
      RW: !readOnly,
      Propagation: 'rprivate',
    }));

const volume = (Source: string, Destination: string, RW: boolean, Subpath = ''): Words => ({
  ...{ Type: 'volume', Source, Subpath, Destination, RW, Propagation: '' },
});

/** What is in the workspace is reached through links to `.inputs`; what is elsewhere is mounted there, a folder as a volume of its own. */
function inVolumes(plan: RunPlan, { containerName }: Surroundings): readonly Words[] {
  const { container, workspaceMountPath: root } = plan;
  const staged = container.mounts.filter(
    ({ source }) => source.startsWith('<workspace>/inputs/') && isThere(plan, source),
  );
  return [
    ...container.mounts.flatMap(({ source, target, readOnly }) => {
      if (source === '<secrets>') return [volume(`${containerName}-secrets`, target, !readOnly)];
      if (source === '<workspace>/workspace') return [volume(`${containerName}-work`, target, !readOnly)];
      if (!staged.some((each) => each.source === source) || target.startsWith(`${root}/`)) return [];
      const name = source.slice('<workspace>/inputs/'.length);
      return storedPath(plan, source) === '/a-folder'
        ? [volume(`${containerName}-input-${name}`, target, !readOnly)]
        : [volume(`${containerName}-inputs`, target, !readOnly, name)];
    }),
    ...(staged.length === 0 ? [] : [volume(`${containerName}-inputs`, `${root}/.inputs`, false)]),
  ];
}

const coverInWorkspace = ({ transport, workspace, containerName }: Surroundings): Words =>
  transport === 'volume'
    ? volume(`${containerName}-volume-0`, '/workspace/cache', true)
    : {
        ...volume(`${workspace}/workspace/cache`, '/workspace/cache', true),
        ...{ Type: 'bind', Propagation: 'rprivate' },
      };
