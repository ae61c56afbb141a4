/** The waist: what every front door compiles to, and one container in engine-neutral words. Data only. */
import type { GPU_CAPABILITIES } from '../base/gpu-capabilities.js';

/** Networks a job may ask for. */
export type NetworkMode = 'none' | 'bridge';

/** When an image is pulled. `never`: it has to be there. */
export type PullPolicy = 'always' | 'ifNotPresent' | 'never';

/** A reference to a secret; never its value. */
export type SecretReference =
  | { readonly source: 'env'; readonly key: string }
  | { readonly source: 'store'; readonly key: string; readonly version?: string | undefined };

/** How a job gets a secret: `env`, as the value of the variable; `file`, in a file whose path is the value of the variable. */
export type SecretDelivery = 'env' | 'file';

/** One environment variable: a literal value or a secret by reference. */
export type EnvironmentVariable =
  | { readonly name: string; readonly value: string }
  | {
      readonly name: string;
      readonly secret: SecretReference;
      /** Absent: `env`. */
      readonly as?: SecretDelivery | undefined;
    };

/** A per-process limit of the kernel. */
export interface Ulimit {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** What the driver of a GPU must be able to do, in the words of NVIDIA's. */
export type GpuCapability = (typeof GPU_CAPABILITIES)[number];

/** GPUs a job asks for: how many of them or which, one of the two. */
export interface GpuRequest {
  /** 1 to 64. */
  readonly count?: number | undefined;
  /** As the engine's host has them, for example `0` or `GPU-fef8089b`. */
  readonly ids?: readonly string[] | undefined;
  /** Absent: left to the driver. */
  readonly capabilities?: readonly GpuCapability[] | undefined;
}

/** GPUs of one container, all decided. */
export interface GpuSpec {
  /** All there are, so many of them, or those with these ids. */
  readonly devices: 'all' | number | readonly string[];
  /** Empty: left to the driver. */
  readonly capabilities: readonly GpuCapability[];
}

/** Limits of one container, as asked for by a job or set by an operator. Absent: not asked for. */
export interface ResourceRequest {
  /** Processor cores, for example `1.5`. */
  readonly cpus?: number | undefined;
  readonly memoryBytes?: number | undefined;
  readonly pidsLimit?: number | undefined;
  /** Size of `/dev/shm`. */
  readonly shmBytes?: number | undefined;
  readonly ulimits?: readonly Ulimit[] | undefined;
  /** Some of the GPUs; all of them are asked for by `requiresGpu`. */
  readonly gpu?: GpuRequest | undefined;
}

/** Limits of one container, all decided. */
export interface Resources {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly pidsLimit: number;
  readonly shmBytes: number;
  readonly ulimits: readonly Ulimit[];
}

/** A temporary file system a job asks for. */
export interface TmpfsRequest {
  /** Absolute container path. */
  readonly path: string;
  readonly sizeBytes?: number | undefined;
}

/** Where an input's bytes come from. */
export type InputSource =
  | { readonly type: 'filestorePath'; readonly backendMountId: string; readonly path: string }
  | { readonly type: 'filestoreNode'; readonly nodeId: string }
  | { readonly type: 'inline'; readonly content: string; readonly encoding: 'utf8' | 'base64' };

/** One read-only input. */
export interface InputRequest {
  readonly id: string | null;
  readonly source: InputSource;
  /** Relative path beneath the workspace. */
  readonly workspacePath: string;
  /** A second place in the container where the same bytes appear. */
  readonly mountPath: string | null;
  readonly optional: boolean;
}

/** Where an output goes: a storage mount, or the caller's `outputTo`. */
export type OutputDestination =
  | 'caller'
  | {
      readonly backendMountId: string;
      readonly pathTemplate: string;
      readonly contentType: string | null;
      readonly mode: 'file' | 'directory' | null;
      readonly overwrite: boolean;
    };

/** One output the job writes beneath the workspace. `upload: null`: declared and checked, stored nowhere. */
export interface OutputRequest {
  readonly id: string | null;
  /** A file, a folder, or a glob. */
  readonly workspacePath: string;
  readonly upload: OutputDestination | null;
  readonly optional: boolean;
  /** After which end of the job it is collected, and missed. */
  readonly when: 'success' | 'failure' | 'always';
  /** Whether links, FIFOs, sockets and devices within a folder or matched by a glob are left out or make the output refused. */
  readonly specialFiles: 'skip' | 'refuse';
}

/** The file that tells the job who it is and with which parameters it runs. */
export interface ConfigFileRequest {
  /** Relative path beneath the workspace. */
  readonly filename: string;
  readonly mountPath: string | null;
  readonly format: 'json' | 'yaml' | 'text' | 'binary';
}

/** Deadlines in milliseconds; absent: the operator's default. */
export interface TimeoutsRequest {
  readonly queueMs?: number | undefined;
  readonly pullMs?: number | undefined;
  readonly stageMs?: number | undefined;
  readonly runMs?: number | undefined;
  readonly idleOutputMs?: number | undefined;
  readonly stopMs?: number | undefined;
  readonly collectMs?: number | undefined;
}

/** How the pause before another attempt grows with their number. */
export type Backoff = 'none' | 'fixed' | 'exponential';

/** How much of a pause is left to chance: nothing, all of it, or half of it. */
export type Jitter = 'none' | 'full' | 'equal';

/** After which kind of end another attempt is made; a run that was cancelled gets none. */
export type RetryCategory = 'user' | 'limit' | 'infrastructure';

/** Whether and when another attempt is made; absent: the operator's default. */
export interface RetryRequest {
  /** Attempts at the most, with the first: 1 to 10. */
  readonly maxAttempts?: number | undefined;
  readonly backoff?: Backoff | undefined;
  readonly jitter?: Jitter | undefined;
  /** Before the second attempt; 0 to 86,400,000. */
  readonly initialDelayMs?: number | undefined;
  /** No pause is longer; 0 to 86,400,000. */
  readonly maxDelayMs?: number | undefined;
  /** `infrastructure`: whatever is `retryable` in REASONS and ERROR_CODES. `user`, `limit`: the job's own ends of that category, too. */
  readonly on?: readonly RetryCategory[] | undefined;
}

/** Who the job is. */
export interface JobIdentity {
  readonly slug: string | null;
  readonly id: string | null;
  /** As it was given. */
  readonly version: string | number | null;
}

/** The container a front door asks for; null means "left to the operator". */
export interface ContainerDraft {
  readonly image: string;
  readonly platform: string | null;
  /** In this order: the next one is gone by where the one before did not bring the image. Empty: left to the operator. */
  readonly pullPolicies: readonly PullPolicy[];
  /** Empty: the image's own. */
  readonly entryPoint: readonly string[];
  /** `command` and `args` of the definition, in that order. */
  readonly command: readonly string[];
  readonly workingDirectory: string | null;
  readonly workspaceMountPath: string;
  readonly environment: readonly EnvironmentVariable[];
  /** How the definition has it, by which violations name its variables: `map`, by name; absent, by their place in the list. */
  readonly environmentForm?: 'map' | undefined;
  readonly networkMode: NetworkMode | null;
  /** All GPUs there are; where `resources.gpu` says which, those alone. */
  readonly requiresGpu: boolean;
  readonly resources: ResourceRequest;
  /** OCI runtime; one of those the operator lets jobs ask for. */
  readonly runtime: string | null;
  /** Numeric `uid[:gid]`. */
  readonly user: string | null;
  readonly tmpfs: readonly TmpfsRequest[];
  /** Text written to standard input, then half-closed. */
  readonly stdin: string | null;
}

/** What every front door compiles to: JSON-safe, secret-free, not yet judged. */
export interface RunRequest {
  readonly job: JobIdentity;
  readonly container: ContainerDraft;
  readonly inputs: readonly InputRequest[];
  readonly outputs: readonly OutputRequest[];
  readonly configFile: ConfigFileRequest | null;
  /** JSON-safe; reaches the job only through the configuration file. */
  readonly parameters: unknown;
  readonly timeouts: TimeoutsRequest;
  readonly retry: RetryRequest;
}

/** A folder or file of the engine's host in a container. In a plan `source` begins with `<workspace>` or is `<secrets>`, placeholders for folders of the run. */
export interface BindMount {
  readonly type: 'bind';
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** A volume of the engine in a container, never filled with what the image has at the target. */
export interface VolumeMount {
  readonly type: 'volume';
  /** The volume's name. */
  readonly source: string;
  /** Path within the volume of what is mounted; null: all of it. Only where the engine's information says `volumeSubpaths`. */
  readonly subpath: string | null;
  readonly target: string;
  readonly readOnly: boolean;
}

/** What is mounted in a container. */
export type MountSpec = BindMount | VolumeMount;

/** A temporary file system, with everything the engine must be told. */
export interface TmpfsSpec {
  readonly target: string;
  readonly sizeBytes: number;
  readonly inodes: number;
  readonly uid: number;
  readonly gid: number;
  /** Octal digits, for example `0700`. */
  readonly mode: string;
  readonly exec: boolean;
}

/** One container in engine-neutral words: everything an engine is told, and nothing it may decide. */
export interface ContainerSpec {
  /** Unique per attempt. Matches `[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}`. */
  readonly name: string;
  /** Image id (`sha256:…`) that was judged and inspected; `<imageId>` in a plan. */
  readonly image: string;
  readonly platform: string | null;
  /** Null: the image's own. */
  readonly entryPoint: readonly string[] | null;
  /** Null: the image's own (only without an entry point of ours). */
  readonly command: readonly string[] | null;
  readonly workingDirectory: string | null;
  /** Sorted as given. In a plan, secrets are `<secret:source:key>`; one delivered as a file is the path of the file; proxies are `<proxy:kind>`. */
  readonly environment: readonly { readonly name: string; readonly value: string }[];
  /** Numeric `uid:gid`. */
  readonly user: string;
  readonly networkMode: NetworkMode;
  readonly readOnlyRootFilesystem: boolean;
  readonly capabilitiesDropped: readonly string[];
  readonly capabilitiesAdded: readonly string[];
  readonly noNewPrivileges: boolean;
  /** An init process as PID 1: forwards signals, reaps zombies. */
  readonly init: boolean;
  readonly resources: Resources;
  readonly gpu: GpuSpec | null;
  readonly runtime: string | null;
  readonly mounts: readonly MountSpec[];
  readonly tmpfs: readonly TmpfsSpec[];
  readonly stopSignal: string;
  readonly stdin: boolean;
  /** Bounds on what the engine itself keeps of the output. */
  readonly log: { readonly maxBytesPerFile: number; readonly maxFiles: number };
  readonly labels: Readonly<Record<string, string>>;
}
