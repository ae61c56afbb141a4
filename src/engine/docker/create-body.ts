/** A container specification in the words of the Docker Engine API: the body of the request that creates it. Pure data. */
import type { ContainerSpec, GpuSpec, TmpfsSpec, VolumeMount } from '../../plan/container-spec.js';
import type { Dialect } from './api-version.js';
import type { JsonObject } from './json-fields.js';
import { requireListable, toPodmanBind, toPodmanLog, toPodmanTmpfs } from './podman-spec.js';

const tmpfsOptions = (tmpfs: TmpfsSpec): string =>
  [
    'rw,nosuid,nodev',
    tmpfs.exec ? 'exec' : 'noexec',
    // uid and gid as well as mode: runc ignores mode where the folder is there already (moby#39466).
    `uid=${tmpfs.uid},gid=${tmpfs.gid},mode=${tmpfs.mode}`,
    `size=${tmpfs.sizeBytes},nr_inodes=${tmpfs.inodes}`,
  ].join(',');

/** NoCopy: otherwise an empty volume gets what the image has at the target. */
const toVolumeOptions = ({ subpath }: VolumeMount): JsonObject => ({
  NoCopy: true,
  ...(subpath === null ? {} : { Subpath: subpath }),
});

/** Without a count where there are ids: engines refuse the two together. The inner list is of capabilities one driver must have. */
const toDeviceRequest = ({ devices, capabilities }: GpuSpec): JsonObject => ({
  Driver: '',
  ...(typeof devices === 'object' ? { DeviceIDs: devices } : { Count: devices === 'all' ? -1 : devices }),
  Capabilities: [['gpu', ...capabilities]],
  Options: {},
});

/** `local` keeps bytes exactly; without a size, a log flood fills the disk at 66 MB/s. */
const toLogConfig = ({ log }: ContainerSpec): JsonObject => ({
  Type: 'local',
  Config: {
    'max-size': String(log.maxBytesPerFile),
    'max-file': String(log.maxFiles),
    compress: 'false',
  },
});

const toHostConfig = (spec: ContainerSpec, dialect: Dialect): JsonObject => ({
  NetworkMode: spec.networkMode,
  ReadonlyRootfs: spec.readOnlyRootFilesystem,
  Privileged: false,
  CapDrop: spec.capabilitiesDropped,
  CapAdd: spec.capabilitiesAdded,
  SecurityOpt: spec.noNewPrivileges ? ['no-new-privileges'] : [],
  Init: spec.init,
  IpcMode: 'private',
  CgroupnsMode: 'private',
  NanoCpus: Math.round(spec.resources.cpus * 1e9),
  Memory: spec.resources.memoryBytes,
  // Equal to Memory: no swap beyond the limit.
  MemorySwap: spec.resources.memoryBytes,
  PidsLimit: spec.resources.pidsLimit,
  ShmSize: spec.resources.shmBytes,
  Ulimits: spec.resources.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
  ...(spec.gpu === null ? {} : { DeviceRequests: [toDeviceRequest(spec.gpu)] }),
  ...(spec.runtime === null ? {} : { Runtime: spec.runtime }),
  // Mounts, never Binds strings: colons and commas in a path mean nothing, and a missing source fails instead of being made.
  Mounts: spec.mounts.map((mount) => ({
    Type: mount.type,
    ...(dialect === 'podman' && mount.type === 'bind'
      ? toPodmanBind(mount)
      : { Source: mount.source, Target: mount.target }),
    ReadOnly: mount.readOnly,
    ...(mount.type === 'bind'
      ? { BindOptions: { Propagation: 'rprivate' } }
      : { VolumeOptions: toVolumeOptions(mount) }),
  })),
  Tmpfs:
    dialect === 'podman'
      ? toPodmanTmpfs(spec)
      : Object.fromEntries(spec.tmpfs.map((tmpfs) => [tmpfs.target, tmpfsOptions(tmpfs)])),
  LogConfig: dialect === 'podman' ? toPodmanLog(spec) : toLogConfig(spec),
  RestartPolicy: { Name: 'no' },
  // The engine would race with our reading of the outcome.
  AutoRemove: false,
});

/**
 * The body of a create request. The name and the platform belong into the query; nothing else does, because a URL is logged.
 * `entryPoint: []` clears the image's entry point and keeps its command; an entry point that is given clears the image's command.
 * @throws `engine.unsupported` for a path that the engine would read as options.
 */
export function toCreateBody(spec: ContainerSpec, dialect: Dialect = 'docker'): JsonObject {
  if (dialect === 'podman') requireListable(spec);
  return {
    Image: spec.image,
    ...(spec.entryPoint === null ? {} : { Entrypoint: spec.entryPoint }),
    ...(spec.command === null ? {} : { Cmd: spec.command }),
    ...(spec.workingDirectory === null ? {} : { WorkingDir: spec.workingDirectory }),
    Env: spec.environment.map(({ name, value }) => `${name}=${value}`),
    User: spec.user,
    Labels: spec.labels,
    StopSignal: spec.stopSignal,
    Healthcheck: { Test: ['NONE'] },
    // With a terminal, the two streams arrive as one and line ends are changed.
    Tty: false,
    AttachStdin: spec.stdin,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: spec.stdin,
    StdinOnce: spec.stdin,
    HostConfig: toHostConfig(spec, dialect),
  };
}
