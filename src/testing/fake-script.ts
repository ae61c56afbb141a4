/** What a test tells the fake engine to do, as types. No behaviour. */
import type { AppliedSpec } from '../engine/applied-spec.js';
import type { EngineGap, EngineSystem, NetworkSummary, PullProgress } from '../engine/types.js';
import type { ContainerSpec } from '../plan/container-spec.js';
import type { RegistryCredentials } from '../secrets/types.js';

/** The calls of an engine that can be made to fail. */
export type EngineCall =
  | 'info'
  | 'containers.create'
  | 'containers.attach'
  | 'containers.start'
  | 'containers.wait'
  | 'containers.kill'
  | 'containers.remove'
  | 'containers.inspect'
  | 'containers.list'
  | 'containers.stats'
  | 'containers.writtenBytes'
  | 'containers.copyIn'
  | 'containers.copyOut'
  | 'containers.lookAt'
  | 'volumes.create'
  | 'volumes.remove'
  | 'volumes.list'
  | 'volumes.usedBytes'
  | 'networks.list'
  | 'events'
  | 'images.pull'
  | 'images.inspect'
  | 'images.list'
  | 'images.remove'
  | 'images.tag'
  | 'images.history'
  | 'images.push'
  | 'images.export'
  | 'images.import'
  | 'images.resolveDigest'
  | 'images.build';

/** One failure, or one hang, of a call. */
export interface FakeFailure {
  readonly call: EngineCall;
  /** What the call rejects with; default `engine.failed`. */
  readonly error?: Error | undefined;
  /** `before`: nothing was done. `after`: it took effect, only the answer is lost. Default `before`. */
  readonly when?: 'before' | 'after' | undefined;
  /** How many calls go through before the first that fails; default none. */
  readonly skip?: number | undefined;
  /** How many calls fail; default all. */
  readonly times?: number | undefined;
  /** Never settles unless its signal is aborted, instead of rejecting. */
  readonly hang?: boolean | undefined;
}

/** How a job ended. */
export interface FakeExit {
  readonly exitCode: number;
  /** Null: the engine cannot tell. */
  readonly oomKilled?: boolean | null | undefined;
  /** Whether the engine's events tell of a kill for lack of memory; default: whether `oomKilled` is true. */
  readonly oomEvent?: boolean | undefined;
}

/** What a scripted job can see and do. */
export interface FakeJob {
  readonly spec: ContainerSpec;
  readonly environment: Readonly<Record<string, string>>;
  /** What was written to standard input, to its end; empty without one. */
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Resolves when there is room for more, as a pipe does. */
  stdout(data: string | Uint8Array): Promise<void>;
  /** As {@link FakeJob.stdout}. */
  stderr(data: string | Uint8Array): Promise<void>;
  /** A container path; through the mounts it is a file of this host. */
  readFile(path: string): Promise<Uint8Array>;
  /** Fails with `EROFS` where a container could not write. */
  writeFile(path: string, content: string | Uint8Array): Promise<void>;
  /** From now on the container uses this much; until the first time nothing is told. The peak is kept by itself. */
  use(stats: { readonly memoryBytes: number; readonly cpuTimeMs: number }): void;
  /** Handles a signal other than SIGKILL; unhandled, SIGTERM, SIGINT and SIGHUP end the job. */
  onSignal(name: string, handler: () => void): void;
  /** Aborted when the job is ended by a signal; `sleepUntilKilled` is the easy way to wait for it. */
  readonly killed: AbortSignal;
  /** Rejects when the job is ended by a signal. */
  sleepUntilKilled(): Promise<never>;
}

/** An image as the fake knows it. */
export interface FakeImage {
  readonly volumes?: readonly string[] | undefined;
  readonly entryPoint?: readonly string[] | undefined;
  readonly command?: readonly string[] | undefined;
  readonly workingDirectory?: string | undefined;
  readonly user?: string | undefined;
  readonly environment?: readonly string[] | undefined;
  /** Digest under which a registry knows it. */
  readonly digest?: string | undefined;
  /** Only who has these may pull it. */
  readonly credentials?: RegistryCredentials | undefined;
  /** `sha256:…`; default: made of its name. */
  readonly id?: string | undefined;
  readonly sizeBytes?: number | undefined;
  /** Default `linux`. */
  readonly operatingSystem?: string | undefined;
  /** Default `amd64`. */
  readonly architecture?: string | undefined;
  readonly variant?: string | undefined;
}

/** What the fake engine does; everything optional. */
export interface FakeEngineScript {
  /** The job. Default: exits 0 without a word. May be asynchronous; what it throws ends it with exit code 70. */
  readonly run?: ((job: FakeJob) => FakeExit | undefined | Promise<FakeExit | undefined>) | undefined;
  /** What a builder writes. */
  readonly buildOutput?: readonly string[] | undefined;
  /** Images that are there. Absent: every image is. */
  readonly images?: Readonly<Record<string, FakeImage>> | undefined;
  /** Images a pull brings. */
  readonly pullable?: Readonly<Record<string, FakeImage>> | undefined;
  /** References a push may send. Absent: none. */
  readonly pushable?: readonly string[] | undefined;
  readonly pullProgress?: readonly PullProgress[] | undefined;
  /** The start is refused like that of a bad entry point, or of a mount that cannot be made. */
  readonly startExitCode?: 126 | 127 | ((spec: ContainerSpec) => 126 | 127 | null) | undefined;
  readonly fail?: readonly FakeFailure[] | undefined;
  /** What was applied otherwise than asked, as `inspect` tells it; null: the engine cannot tell (no `verifiableSpec`). Default: nothing. */
  readonly applied?: ((faithful: AppliedSpec) => Partial<AppliedSpec>) | null | undefined;
  /** What the engine says it has, which bounds how many runs there are at one time. Default 64. */
  readonly cpus?: number | undefined;
  /** As {@link FakeEngineScript.cpus}. Default 256 GiB. */
  readonly memoryBytes?: number | undefined;
  /** Default true. */
  readonly limitsSwap?: boolean | undefined;
  /** Off: the engine has no `events`. Default on. */
  readonly events?: boolean | undefined;
  /** Off: the engine keeps no volumes and copies no files. Default on. */
  readonly volumes?: boolean | undefined;
  /** Off: the engine does not tell how much a volume holds. Default on. */
  readonly volumeBytes?: boolean | undefined;
  /** Off: it is as on another machine, and refuses to mount folders of this host. Default on. */
  readonly seesFiles?: boolean | undefined;
  /** Whether parts of volumes can be mounted. Default true. */
  readonly volumeSubpaths?: boolean | undefined;
  /** What the engine says it lacks. Nothing is lacking in what it does. Default: nothing. */
  readonly gaps?: readonly EngineGap[] | undefined;
  /** What the engine says of itself: whether containers outlive its restart. Default true. */
  readonly liveRestore?: boolean | undefined;
  /** Runtimes a container may ask for. Default: `runc`, which is also what it uses by itself. */
  readonly runtimes?: readonly string[] | undefined;
  /** Whether it shows a sign of a GPU. Default true. */
  readonly showsGpu?: boolean | undefined;
  /** What it says of the system beneath it; default: nothing. */
  readonly system?: EngineSystem | undefined;
  /** Networks there are. Default: `none`, and `bridge` with Docker's addresses. */
  readonly networks?: readonly NetworkSummary[] | undefined;
  /** Containers go on in spite of SIGKILL and of their removal, as with a process that waits for a dead disk; only `disappear` removes them. */
  readonly stuck?: boolean | undefined;
}
