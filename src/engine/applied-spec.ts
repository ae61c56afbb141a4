/** What an engine says it applied to a container: a part of the port's contract. No comparison with what was asked. */
import type { BindMount, ContainerSpec, GpuSpec, Resources, TmpfsSpec } from '../plan/container-spec.js';
import type { UntoldSetting } from './gaps.js';

/** Limits of a container as an engine applied them. */
export interface AppliedResources extends Omit<Resources, 'memoryBytes' | 'pidsLimit'> {
  /** Null: no limit. */
  readonly memoryBytes: number | null;
  /** Swap beyond the memory; null: no limit. */
  readonly swapBytes: number | null;
  /** Null: no limit. */
  readonly pidsLimit: number | null;
}

/** A mount as an engine applied it. */
export interface AppliedMount extends Omit<BindMount, 'type'> {
  /** `bind`, `volume`, or the engine's word for anything else. */
  readonly type: string;
  /** Of a volume, the path within it of what is mounted; else null. */
  readonly subpath: string | null;
  /** Mounts made later on one side do not appear on the other; there are none to be made in a volume. */
  readonly isPrivate: boolean;
}

/** A temporary file system as an engine applied it; a bound that was not applied is null. */
export type AppliedTmpfs = {
  readonly [K in keyof TmpfsSpec]: K extends 'target' | 'exec' ? TmpfsSpec[K] : TmpfsSpec[K] | null;
} & {
  /** No device files and no set-user-id programs in it. */
  readonly isHardened: boolean;
};

/**
 * What an engine applied to a container, in the words of `ContainerSpec`, and what a specification cannot ask for at all. Of a created
 * container, not of the request. Lists are sorted (environment and ulimits by name, mounts and tmpfs by target).
 */
export interface AppliedSpec {
  /** For example `linux`. */
  readonly operatingSystem: string;
  /** Empty: none. */
  readonly entryPoint: readonly string[];
  readonly command: readonly string[];
  /** Absolute; `/` where nothing else was said. */
  readonly workingDirectory: string;
  /** With secret values, as they reach the job. */
  readonly environment: readonly { readonly name: string; readonly value: string }[];
  readonly user: string;
  readonly networkMode: string;
  /** Networks it is connected to besides that of its mode. */
  readonly otherNetworks: readonly string[];
  readonly readOnlyRootFilesystem: boolean;
  /** All that any process in it can have, without `CAP_`; `['ALL']` for all. */
  readonly capabilities: readonly string[];
  readonly noNewPrivileges: boolean;
  readonly init: boolean;
  readonly resources: AppliedResources;
  /** In the engine's words where no specification could have asked for it; null: none. */
  readonly gpu: GpuSpec | string | null;
  readonly runtime: string | null;
  readonly mounts: readonly AppliedMount[];
  readonly tmpfs: readonly AppliedTmpfs[];
  readonly stopSignal: string;
  readonly stdin: boolean;
  /** Null where it keeps the output in another way, or without bounds. */
  readonly log: ContainerSpec['log'] | null;
  readonly privileged: boolean;
  /** Namespaces that are not its own: those of `pid`, `ipc`, `cgroup`, `uts` and `user` that it shares. */
  readonly sharedNamespaces: readonly string[];
  /** Devices and device rules it was given, in the engine's words. */
  readonly devices: readonly string[];
  /** What was said about security besides `noNewPrivileges`, in the engine's words. */
  readonly securityOptions: readonly string[];
  /** The kernel's dangerous files in `/proc` and `/sys` are hidden or read-only, as is usual. */
  readonly systemPathsProtected: boolean;
  readonly publishedPorts: readonly string[];
  /** The engine starts it again after its end. */
  readonly restarts: boolean;
  /** The engine removes it after its end. */
  readonly autoRemove: boolean;
  readonly terminal: boolean;
  /** The engine runs a command in it from time to time. */
  readonly healthCheck: boolean;
  /** Whatever else was applied that matters and has no word here, in the engine's words. */
  readonly others: readonly string[];
  /** What this engine never tells, or tells otherwise than it is; it is compared with nothing. Absent: it tells all. */
  readonly untold?: readonly UntoldSetting[] | undefined;
}
