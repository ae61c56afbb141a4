/** The `ContainerEngine` port: what berthkit needs of an engine, as a contract. No implementation. */
import type { ContainerSpec } from '../plan/container-spec.js';
import type { AppliedSpec } from './applied-spec.js';
import type { CallOptions } from './call-options.js';
import type { EngineGap } from './gaps.js';
import type { EngineImages } from './image-types.js';
import type { EngineLocation, EngineNetworks, EngineSystem } from './system-types.js';

export type { CallOptions } from './call-options.js';
export type * from './gaps.js';
export type * from './image-types.js';
export type * from './system-types.js';

/** What an engine can do; a feature that is missing is reported by the feature that needed it. */
export interface EngineCapabilities {
  /** Folders of this host can be mounted, as far as its address tells. Runs do not go by it: they find out (`workspace.transport`). */
  readonly bindMounts: boolean;
  /** It is certain to see the files of this host, as one that is in this process: nobody has to find out (`workspace.transport: 'auto'`). Absent: it is not. */
  readonly seesFiles?: boolean | undefined;
  readonly stdin: boolean;
  /** Standard output and standard error arrive apart. */
  readonly separateStreams: boolean;
  readonly gpu: boolean;
  /** `containers.stats` is there. */
  readonly stats: boolean;
  /** `inspect` says what was applied to a container, so that it can be compared with what was asked before it starts. */
  readonly verifiableSpec: boolean;
  /** `containers.writtenBytes` is there. */
  readonly writtenBytes: boolean;
  /** It remembers what befell a container: `events` is there. */
  readonly events: boolean;
  /** Files go into and come out of containers that do not run: `containers.copyIn`, `copyOut` and `lookAt` are there. */
  readonly copy: boolean;
  /** It keeps volumes: `volumes` is there. */
  readonly volumes: boolean;
  /** It tells how much volumes hold: `volumes.usedBytes` is there. Absent: it does not. */
  readonly volumeBytes?: boolean | undefined;
}

/** What an engine says of itself. */
export interface EngineInfo {
  readonly name: string;
  readonly version: string;
  readonly apiVersion: string;
  readonly operatingSystem: string;
  readonly architecture: string;
  /** By the names a container may ask for; empty: it does not tell. */
  readonly runtimes: readonly string[];
  /** Whether it shows any sign that it can give a GPU to a container. Absent: it cannot tell, and whoever asks for one learns at the start. */
  readonly showsGpu?: boolean | undefined;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** The kernel beneath can limit swap; where it cannot, a limit of memory leaves swap open. */
  readonly limitsSwap: boolean;
  /** Containers go on while the engine is restarted; where they do not, a restart ends them. Null: not known. */
  readonly liveRestore: boolean | null;
  /** Parts of a volume can be mounted (Docker: from version 1.45 of its API on). An engine that cannot may mount the whole volume instead. */
  readonly volumeSubpaths: boolean;
  /** What it lacks of this contract; absent: nothing. */
  readonly gaps?: readonly EngineGap[] | undefined;
  /** Absent where it tells nothing of it. */
  readonly system?: EngineSystem | undefined;
}

/** A piece of output, in the order it arrived. */
export interface OutputChunk {
  readonly stream: 'stdout' | 'stderr';
  readonly bytes: Uint8Array;
}

/** The two ends of an attached container. */
export interface Attachment {
  /**
   * Everything the container writes after `start`, with back-pressure: an engine buffers no more than a few chunks
   * when nobody reads. Ends when the container ends, when it is removed, and *also* when the connection is lost, so an end says
   * nothing about the container. Throws `engine.failed` on a broken stream (cut frame, unknown frame).
   */
  readonly output: AsyncIterable<OutputChunk>;
  /** Writes to standard input and resolves when accepted; rejects once the container no longer reads. Null without `stdin`. */
  readonly stdin: {
    /** Resolves when the bytes were accepted. */
    write(bytes: Uint8Array): Promise<void>;
    /** Half-closes: output still arrives. */
    end(): Promise<void>;
  } | null;
  /** Lets go of the connection at once; the container is not touched. Idempotent. */
  close(): void;
}

/** What `inspect` says: the truth about a container. */
export interface ContainerInfo {
  readonly id: string;
  readonly name: string;
  readonly imageId: string;
  readonly status: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
  /** Null until the container was started. Engine clock, ISO. */
  readonly startedAt: string | null;
  /**
   * Null until the container ended. Engine clock, ISO. Of a container that ended at once it may lie a moment *before*
   * `startedAt`: Docker notes the start only after the process began. Never measure with the two.
   */
  readonly finishedAt: string | null;
  /** Only meaningful with `startedAt` set and status `exited` or `dead`; else null. */
  readonly exitCode: number | null;
  /** Whether a process of it was killed for lack of memory; null where the engine cannot tell, which says neither. */
  readonly oomKilled: boolean | null;
  /** The engine's own words about a failed start; empty if none. */
  readonly error: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Null exactly where the engine is without `verifiableSpec`. */
  readonly applied: AppliedSpec | null;
}

/** What a running container has used so far. */
export interface ContainerStats {
  /** Processor time of all its processes together; null where the engine does not tell. */
  readonly cpuTimeMs: number | null;
  /** Memory in use now, as it counts against the limit: page cache included. Null where the engine does not tell. */
  readonly memoryBytes: number | null;
  /** The most it ever was, as the kernel kept count; null where the engine does not tell (Docker on cgroup v2). */
  readonly peakMemoryBytes: number | null;
}

/** One container in a list. */
export interface ContainerSummary {
  readonly id: string;
  readonly name: string;
  /** `sha256:…` of the image it was made of. */
  readonly imageId: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What stands at a path in a container. */
export type ContainerPathType = 'file' | 'directory' | 'symlink' | 'other';

/** Containers. The order of calls is create → attach → start → wait → remove. */
export interface EngineContainers {
  /**
   * Makes the container, does not run it. `spec.image` must be there already. A folder to mount that the engine does not have is refused, never made: the job
   * would run on an empty one.
   * @throws `engine.image_not_found`, `engine.conflict` (name taken), `engine.failed` (with `details.missingSource` for such a folder), `engine.unreachable`.
   */
  create(
    spec: ContainerSpec,
    options?: CallOptions,
  ): Promise<{ readonly id: string; readonly warnings: readonly string[] }>;
  /**
   * Connects to the container's streams. Call it before `start`: then every byte written after the start arrives. One more, without `stdin`, hears
   * what a running container writes from then on, and takes nothing from the first; an engine that cannot do that rejects.
   * @throws `engine.not_found`.
   */
  attach(id: string, options: CallOptions & { readonly stdin: boolean }): Promise<Attachment>;
  /**
   * Starts a created container. A bad entry point rejects with `engine.failed` whose `details.exitCode` is 126 or 127, and so does, with 127, a mount
   * that cannot be made for what is in its place, such as a tmpfs where the image has a file.
   * @throws `engine.not_found`, `engine.failed`.
   */
  start(id: string, options?: CallOptions): Promise<void>;
  /**
   * Resolves when a started container has ended or is gone. It is only a wake-up: the truth is `inspect`. May be called before
   * `start`. Rejects when aborted or the connection is lost; may never settle if the connection dies silently, so callers bound it.
   * @throws `engine.not_found`, `engine.unreachable`.
   */
  wait(id: string, options?: CallOptions): Promise<void>;
  /** Sends a signal. A container that is gone or does not run is success. */
  kill(id: string, signal: string, options?: CallOptions): Promise<void>;
  /** Kills if need be and removes with anonymous volumes; resolves when it is gone. Idempotent: not found is success. */
  remove(id: string, options?: CallOptions): Promise<void>;
  /** The truth, or null if there is no such container. Takes an id or a name. */
  inspect(id: string, options?: CallOptions): Promise<ContainerInfo | null>;
  /** All containers, in any state, that carry every label given. */
  list(labels: Readonly<Record<string, string>>, options?: CallOptions): Promise<readonly ContainerSummary[]>;
  /**
   * What a container uses, read at once: no waiting for a second reading to compare with. Null unless it runs, also for one that is not
   * there: engines forget all of it when a container ends.
   */
  stats?(id: string, options?: CallOptions): Promise<ContainerStats | null>;
  /**
   * How many bytes a container has written to its own root file system, mounts left out, whether it runs or has ended; null if there is no such
   * container. It may take as long as reading every folder it wrote. Engines count files by their length, holes included. Optional: absent where
   * `capabilities.writtenBytes` is false.
   */
  writtenBytes?(id: string, options?: CallOptions): Promise<number | null>;
  /**
   * Unpacks a tar into a folder of a container that does *not* run: a job could exchange a folder for a link meanwhile. The tar must not be
   * compressed: Docker has unpacked those with a program of the image (CVE-2026-41567). Owners, modes and times are those in the tar, links stay
   * links, what is there already is replaced (but no folder of the same tar: engines come back to those in the end), and volumes mounted beneath the folder are entered. The folder has to be there, on a volume or on a
   * root file system that is not read-only. Chunks of the tar are handed over: who keeps one copies it. When it rejects, a part of the tar may be there. What the tar itself rejects with is what this rejects
   * with. Optional: absent where `capabilities.copy` is false, as are the next two.
   * @throws `engine.not_found` without such a container or (not on every engine) folder, `engine.failed`, `engine.unreachable`.
   */
  copyIn?(id: string, path: string, tar: AsyncIterable<Uint8Array>, options?: CallOptions): Promise<void>;
  /**
   * The tar of a file, or of a folder with everything in it, of a container that does *not* run; mounted volumes included. Names begin with the last
   * name of the path; a link at its end is not followed, links on the way are, within the container. The signal also ends the reading, and whoever
   * breaks off lets go of the connection. An engine that fails on the way may end the tar early without an error: only the two empty blocks at its
   * end say that it is whole.
   * @throws `engine.not_found` without such a container or path.
   */
  copyOut?(id: string, path: string, options?: CallOptions): Promise<AsyncIterable<Uint8Array>>;
  /** What stands at a path; as in `copyOut`, links are followed on the way only. Null if there is nothing, also without such a container. */
  lookAt?(id: string, path: string, options?: CallOptions): Promise<ContainerPathType | null>;
}

/** A volume to be made. */
export interface VolumeSpec {
  /** Matches `[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Named volumes: folders of the engine's own, empty at first, that outlive containers. */
export interface EngineVolumes {
  /**
   * Makes a volume; one that is there already with exactly these labels is success, so that a call whose answer was lost can be made again.
   * @throws `engine.conflict` when the name is taken by another volume, `engine.failed`.
   */
  create(spec: VolumeSpec, options?: CallOptions): Promise<void>;
  /**
   * Removes a volume with all that is in it. Idempotent: not found is success.
   * @throws `engine.conflict` while a container, running or not, has it mounted.
   */
  remove(name: string, options?: CallOptions): Promise<void>;
  /** All volumes that carry every label given. */
  list(labels: Readonly<Record<string, string>>, options?: CallOptions): Promise<readonly VolumeSpec[]>;
  /**
   * How many bytes each volume of the engine holds, by name, also while jobs write to it; null where the engine cannot tell, as of one with a path longer than
   * it can read. Files count by their length, holes included, and once however many names they have; folders, and files without a name, need not count. It takes as long as going through every
   * volume. An engine may refuse it while it looks for somebody else, and a job that exchanges its folders can keep it from ever answering: callers bound it. Optional:
   * absent where `capabilities.volumeBytes` is not true.
   */
  usedBytes?(options?: CallOptions): Promise<ReadonlyMap<string, number | null>>;
}

/** What befell a container. */
export interface EngineEvent {
  /**
   * `start`: it was started. `oom`: a process of it was killed for lack of memory. `kill`: it was sent a signal through the engine, or by the
   * engine itself. `die`: it ended. `destroy`: it was removed.
   */
  readonly type: 'start' | 'oom' | 'kill' | 'die' | 'destroy';
  /** Number of the signal of a `kill`; null for other events, and where the engine does not say. */
  readonly signal: number | null;
}

/**
 * A container engine. Engines translate, the core decides: an engine has no retries, no policy, no defaults, and reads no
 * environment. Methods may be called concurrently. No type of a vendor crosses this line. Every failure is a `JobRuntimeError`.
 */
export interface ContainerEngine {
  readonly name: string;
  /** Where it is; absent for one without an address. */
  readonly location?: EngineLocation | undefined;
  readonly capabilities: EngineCapabilities;
  /** @throws `engine.unreachable`, saying what was tried. */
  info(options?: CallOptions): Promise<EngineInfo>;
  readonly containers: EngineContainers;
  readonly images: EngineImages;
  /** Optional: absent where `capabilities.volumes` is false. */
  readonly volumes?: EngineVolumes;
  /** Optional: without it nobody can tell how many networks it can still make. */
  readonly networks?: EngineNetworks;
  /**
   * What the engine remembers of a container, in its order, up to the moment of the call or a little later; then it ends. A second source
   * only: engines remember little, forget at a restart and may miss a kill for lack of memory. Of a container it does not know there is
   * nothing. Optional: absent where `capabilities.events` is false.
   * @throws `engine.unreachable`, also when the connection is lost while it is read; `engine.failed`.
   */
  events?(filter: { readonly containerId: string }, options?: CallOptions): AsyncIterable<EngineEvent>;
  /** Lets go of all connections. Containers are not touched. Idempotent. */
  close(): Promise<void>;
}
