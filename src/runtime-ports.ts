/** The code a runtime is given, and what stands in for what is not given. */
import { nodeCrypto } from './base/node-crypto.js';
import type { AuditSink } from './audit.js';
import type { ContainerEngine } from './engine/types.js';
import type { RunEvent } from './events.js';
import { pause } from './execute/deadline.js';
import type { ImageVerifier } from './execute/verify-image.js';
import type { Logger } from './log-lines.js';
import type { PolicyRule } from './policy/rule.js';
import type { RunStore } from './run-store/types.js';
import type { RuntimeEvent } from './runtime-events.js';
import type { RegistryAuthResolver, SecretResolver } from './secrets/types.js';
import type { StorageAdapter } from './storage/types.js';
import type { NodeResolver } from './workspace/stage.js';

/** Time, injected so that tests can set it. */
export interface Clock {
  /** Milliseconds since the epoch, for stamps. */
  now(): number;
  /** Milliseconds on a clock that never jumps, for durations. */
  monotonic(): number;
  /** Resolves after a while, or early when the signal is aborted; never rejects. Used between attempts. Default: a timer. */
  pause?(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** Everything pluggable; all optional. Plain data belongs into the configuration. */
export interface RuntimePorts {
  /** Default: Docker at `config.engine.host`, `DOCKER_HOST` or the usual socket. A given engine is never closed by the runtime. */
  readonly engine?: ContainerEngine | undefined;
  /** Storages by mount id. */
  readonly storage?: Readonly<Record<string, StorageAdapter>> | undefined;
  /** Finds the file behind a `filestoreNode`; null if there is none. */
  readonly resolveNode?: NodeResolver | undefined;
  readonly resolveSecret?: SecretResolver | undefined;
  /**
   * Gives the credentials of registries, where the caller of a run gave none. Next come those of Docker's own client, unless an engine of your own
   * is given or `images.dockerCredentials` is off; {@link dockerRegistryAuth} makes a resolver of them.
   */
  readonly resolveRegistryAuth?: RegistryAuthResolver | undefined;
  /** Says whether an image may be used, before a container is made of it; fails closed. Default: every image that policy allows. */
  readonly verifyImage?: ImageVerifier | undefined;
  /** Rules besides the built-in ones; a rule that throws denies. */
  readonly rules?: readonly PolicyRule[] | undefined;
  /** Hears every event of every run, and the `run_end` of runs whose process died. What it throws is ignored. */
  readonly onEvent?: ((event: RunEvent) => void) | undefined;
  /** Hears what happens to the runtime as a whole. What it throws is ignored. */
  readonly onRuntimeEvent?: ((event: RuntimeEvent) => void) | undefined;
  /** Gets a line for what happens, redacted and without the output of jobs: what at which level stands in the guide for operators. */
  readonly logger?: Logger | undefined;
  /**
   * Remembers runs for other processes and later ones. Default: files in `stateDir`; without that memory, which keeps the last 100 runs that ended.
   */
  readonly runStore?: RunStore | undefined;
  /** Writes the audit trail. What it does not take within 10 s, or refuses, keeps runs from being started; see `auditMode`. */
  readonly audit?: AuditSink | undefined;
  readonly clock?: Clock | undefined;
  /** Numbers from 0 up to, but not, 1: what is left to chance in the pauses between attempts. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** Makes run ids. */
  readonly createId?: (() => string) | undefined;
}

/** What is found out about what a runtime depends on; each change is told once. */
export interface Surroundings {
  /** A call failed; only an engine that cannot be reached counts. */
  engineFailed(error: unknown): void;
  engineLost(message: string): void;
  engineAnswered(): void;
  /** The disk was looked at: what is too little, or null. */
  diskChecked(shortage: string | null): void;
}

/** Time, as a runtime uses it. */
export interface RuntimeClock extends Required<Clock> {
  /** Milliseconds since the epoch, as they would be had nobody set the clock since the runtime was made. */
  even(): number;
}

/** The ports with every default filled in but the engine, which is made at first use. */
export type ResolvedPorts = Omit<
  RuntimePorts,
  'engine' | 'storage' | 'rules' | 'runStore' | 'clock' | 'random' | 'createId'
> & {
  readonly storage: Readonly<Record<string, StorageAdapter>>;
  readonly rules: readonly PolicyRule[];
  readonly clock: RuntimeClock;
  readonly random: () => number;
  readonly createId: () => string;
};

/** Fills in defaults; does no I/O. */
export function resolvePorts(ports: RuntimePorts): ResolvedPorts {
  return {
    storage: ports.storage ?? {},
    rules: ports.rules ?? [],
    clock: toRuntimeClock(ports.clock ?? { now: () => Date.now(), monotonic: () => performance.now() }),
    random: ports.random ?? (() => Math.random()),
    createId: ports.createId ?? (() => nodeCrypto().randomUUID()),
    resolveNode: ports.resolveNode,
    resolveSecret: ports.resolveSecret,
    resolveRegistryAuth: ports.resolveRegistryAuth,
    verifyImage: ports.verifyImage,
    onEvent: ports.onEvent,
    onRuntimeEvent: ports.onRuntimeEvent,
    logger: ports.logger,
    audit: ports.audit,
  };
}

function toRuntimeClock(clock: Clock): RuntimeClock {
  const sinceMs = clock.now() - clock.monotonic();
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    even: () => sinceMs + clock.monotonic(),
    pause: async (milliseconds, signal) => clock.pause?.(milliseconds, signal) ?? pause(milliseconds, signal),
  };
}
