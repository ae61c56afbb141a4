/** What the trusted caller may give beside a definition. Only here do local paths, streams and listeners exist. */
import type { RetentionWhen } from './config/runtime-config.js';
import type { RunEvent } from './events.js';
import type { SinkTarget } from './execute/sink.js';
import type { RetryRequest, TimeoutsRequest } from './plan/container-spec.js';
import type { RegistryCredentials } from './secrets/types.js';
import type { StorageAdapter } from './storage/types.js';
import type { FileContent, FileEntry } from './workspace/file-content.js';

/** Options of one run. */
export interface RunOptions {
  /** Default: a fresh one. `[A-Za-z0-9][A-Za-z0-9_.-]{0,127}`, unique among the runtime's live runs. */
  readonly runId?: string | undefined;
  /**
   * Makes runs that ask for the same thing one run: while it is under way, and after its end, whoever comes with its key gets its result, unchanged, with its `runId`.
   * 1 to 256 characters. The key stays with a result that is not `retryable`; with anything else it is given up. Of a call that joins another's run,
   * `files`, streams, sinks, listeners of output and `outputTo` have no effect, and ending it ends its waiting only.
   */
  readonly idempotencyKey?: string | undefined;
  /** Ends the run when aborted: the result is `cancelled` and its message carries the reason. */
  readonly signal?: AbortSignal | undefined;
  /** Merged over the definition's `defaultParameters`, key by key; reach the job only through its configuration file. */
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
  /** Shorthand for `timeouts.runMs`. */
  readonly timeoutMs?: number | undefined;
  /** Each counts anew for every attempt. */
  readonly timeouts?: TimeoutsRequest | undefined;
  /** Further attempts; wins over the definition's, key by key, within the operator's `retry.max`. */
  readonly retry?: RetryRequest | undefined;
  /** The number of the first attempt, for callers that repeat runs themselves: 1 to 1,000,000, default 1. */
  readonly attempt?: number | undefined;
  /**
   * Initial content of the workspace by workspace path: a private copy the job may change. A stream is read once and, where there may be a
   * further attempt, kept for it: up to `maxFileBytes`, on disk if it is large; one that fails is a `ValidationError`. A local `path` is read anew; one
   * that is not there, may not be read, or is neither a file nor a folder is a `ValidationError` before anything is pulled or made.
   */
  readonly files?: Readonly<Record<string, FileEntry>> | undefined;
  /**
   * Written to standard input, then half-closed; wins over the definition's. A job that does not read it is no failure. A stream is kept for
   * further attempts as one of `files` is; one that fails ends the run as `cancelled`, and the job never sees an end of its input. A `path` has to
   * be a file that may be read, and no link: otherwise it is a `ValidationError`, as one of `files` is.
   */
  readonly stdin?: FileContent | undefined;
  /**
   * Gets the complete, redacted standard output of every attempt; its back-pressure may slow the container while the deadline runs on. It is never
   * ended, closed or destroyed by berthkit, so that one stream can serve both, and many runs: end it yourself once the run is over, by when it has been
   * given everything.
   */
  readonly stdout?: SinkTarget | undefined;
  /** The same for standard error. */
  readonly stderr?: SinkTarget | undefined;
  /**
   * A folder or a storage; receives the outputs marked `upload: 'caller'`, keyed by workspace path. A folder that is not there is made; a path at which
   * none can be is a `ValidationError` before anything is pulled or made.
   */
  readonly outputTo?: string | StorageAdapter | undefined;
  /** Answers `store` references before the resolver does; redacted likewise. */
  readonly secrets?: Readonly<Record<string, string>> | undefined;
  /**
   * Credentials by registry, for example `{ 'ghcr.io': { username, password } }`; they go before any others, to that registry alone. Secrets,
   * redacted likewise.
   */
  readonly registryAuth?: Readonly<Record<string, RegistryCredentials>> | undefined;
  /** Up to 32 short strings, in every event, result and error, and in secret and storage calls. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** The name of one of `policy.profiles`, whose policy this run is judged by; default: the policy itself. Only here can it be named. */
  readonly profile?: string | undefined;
  /** What is kept after the end; wins over `retention.default`, key by key, within the operator's `retention.max`. */
  readonly retention?:
    | { readonly container?: RetentionWhen | undefined; readonly workspace?: RetentionWhen | undefined }
    | undefined;
  /**
   * Runs of one key share a turn: keys come one after the other, so that many runs of one do not hold up another's. Limits of a key are the
   * operator's `concurrencyKeys`. 1 to 256 characters, for example a user's id; absent: the turn of all runs without one.
   */
  readonly concurrencyKey?: string | undefined;
  /** Overrides `maxLogChars` downwards. */
  readonly maxLogChars?: number | undefined;
  /** Hears every event of this run. What it throws is ignored. */
  readonly onEvent?: ((event: RunEvent) => void) | undefined;
  /** Lines of output, redacted, without line ends; one of more than 64 KiB (UTF-8) is cut into several, between characters. What it throws is ignored. */
  readonly onLine?:
    ((line: { readonly stream: 'stdout' | 'stderr'; readonly text: string }) => void) | undefined;
}

/** What `explain` may be told of the options a run would get. */
export type ExplainOptions = Pick<RunOptions, 'parameters' | 'timeoutMs' | 'timeouts' | 'retry' | 'profile'>;
