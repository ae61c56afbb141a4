/** What a run came to, as data: results, reasons, decisions, hints and evidence. No behaviour and no I/O. */
import type { Receipt } from './receipt-types.js';
import type { GivenReport, InputReport, OutputReport, SecretLeak } from './result-files.js';

export type * from './result-files.js';

/** How a run ended. The first cause wins and is recorded before any signal is sent. */
export type RunStatus = 'succeeded' | 'failed' | 'timed_out' | 'cancelled';

/** Who or what an unsuccessful end is to be laid to. */
export type Category = 'user' | 'limit' | 'infrastructure' | 'caller';

interface ReasonFacts {
  readonly status: RunStatus;
  readonly category: Category | null;
  readonly retryable: boolean;
}

/** The one table of reasons: each belongs to exactly one status and category. Public API. */
export const REASONS = {
  completed: { status: 'succeeded', category: null, retryable: false },
  non_zero_exit: { status: 'failed', category: 'user', retryable: false },
  signaled: { status: 'failed', category: 'user', retryable: false },
  start_failed: { status: 'failed', category: 'user', retryable: false },
  output_missing: { status: 'failed', category: 'user', retryable: false },
  output_rejected: { status: 'failed', category: 'user', retryable: false },
  oom_killed: { status: 'failed', category: 'limit', retryable: false },
  disk_limit_exceeded: { status: 'failed', category: 'limit', retryable: false },
  output_limit_exceeded: { status: 'failed', category: 'limit', retryable: false },
  log_limit_exceeded: { status: 'failed', category: 'limit', retryable: false },
  timed_out: { status: 'timed_out', category: 'limit', retryable: false },
  idle_timed_out: { status: 'timed_out', category: 'limit', retryable: false },
  queue_expired: { status: 'timed_out', category: 'infrastructure', retryable: true },
  cancelled: { status: 'cancelled', category: 'caller', retryable: false },
  runtime_shutdown: { status: 'cancelled', category: 'infrastructure', retryable: true },
  externally_removed: { status: 'failed', category: 'infrastructure', retryable: true },
  interrupted: { status: 'failed', category: 'infrastructure', retryable: true },
  evicted: { status: 'failed', category: 'infrastructure', retryable: true },
  orphaned: { status: 'failed', category: 'infrastructure', retryable: true },
} as const satisfies Record<string, ReasonFacts>;

/** Why a run ended as it did. */
export type Reason = keyof typeof REASONS;

/** The reasons that belong to one status. */
export type ReasonOf<S extends RunStatus> = {
  [R in Reason]: (typeof REASONS)[R]['status'] extends S ? R : never;
}[Reason];

/** One rule of policy that a request does not satisfy. */
export interface Violation {
  /** Stable rule id, for example `policy.image` or `policy.network`. */
  readonly rule: string;
  /** Where in the definition, for example `docker.image`. */
  readonly path: string;
  /** What was asked and what is allowed; free of secret values. */
  readonly message: string;
  readonly severity: 'error' | 'warning';
  /** The nearest allowed value or what an operator may change, if there is one. */
  readonly hint: string | null;
}

/** What one rule said, whether it was satisfied or not. */
export interface RuleOutcome {
  readonly rule: string;
  readonly outcome: 'allowed' | 'denied' | 'warned' | 'audited' | 'not_applicable';
  readonly reason: string;
}

/** What policy said about one request, with the reason of every rule. */
export interface PolicyDecision {
  readonly allowed: boolean;
  /** What refuses the run; empty when allowed. */
  readonly violations: readonly Violation[];
  /** What an own rule warns of, and violations of rules whose mode is `warn`. Also in the run's `warnings`. */
  readonly warnings: readonly Violation[];
  /** What rules whose mode is `audit` object to: stands here and nowhere else. */
  readonly audited: readonly Violation[];
  readonly rules: readonly RuleOutcome[];
  /** The network mode the container will get; null when denied by the network rule. */
  readonly networkMode: string | null;
  readonly gpu: boolean;
}

/** Advice that goes with a verdict. */
export interface Hint {
  readonly code: string;
  readonly message: string;
}

/** One observation that supports the verdict. */
export interface Evidence {
  /** Whose doing it was, as far as this observation tells; a signal of ours is that of whoever had the run stopped. */
  readonly by: 'job' | 'caller' | 'deadline' | 'watcher' | 'kernel' | 'engine' | 'stranger';
  /** In words, for people. */
  readonly what: string;
  /** ISO time on this host. */
  readonly at: string;
}

/** Milliseconds per phase on a monotonic clock; null for a phase the run never entered. */
export interface Durations {
  readonly queueMs: number | null;
  readonly pullMs: number | null;
  readonly stageMs: number | null;
  readonly createMs: number | null;
  readonly runMs: number | null;
  readonly collectMs: number | null;
  readonly totalMs: number;
}

/** The stored part of one stream: head and tail within the limit. */
export interface CapturedStream {
  /** Redacted text, or null where `persistLogTail` is off. */
  readonly text: string | null;
  /** Bytes the container wrote to this stream. */
  readonly totalBytes: number;
  /** Characters left out of `text`. */
  readonly droppedChars: number;
}

/** The last line that was not blank; stderr's before stdout's. */
export interface LastLog {
  readonly source: 'stdout' | 'stderr';
  readonly line: string;
}

/**
 * What a container used, up to the last time it was asked: engines forget it when a container ends, so it is read 250 ms after the start,
 * then less and less often, in the end every two seconds, and once more when a run is stopped. What came after the last reading is missing.
 */
export interface Usage {
  /**
   * The most memory that counted against the limit, page cache included: the kernel's own peak where the engine tells it (Docker on
   * cgroup v1), else the highest reading. Null where the engine does not tell.
   */
  readonly peakMemoryBytes: number | null;
  /** Processor time of all processes together: a job busy on two cores uses two seconds a second. Null where the engine does not tell. */
  readonly cpuTimeMs: number | null;
}

interface RunResultBase {
  readonly schemaVersion: 1;
  readonly runId: string;
  /** The last one. */
  readonly attempt: number;
  /** All of them, the last one included. */
  readonly attempts: readonly AttemptReport[];
  readonly jobSlug: string | null;
  readonly status: RunStatus;
  readonly reason: Reason;
  readonly category: Category | null;
  readonly retryable: boolean;
  /** One rich line for people. */
  readonly message: string;
  readonly hints: readonly Hint[];
  readonly warnings: readonly string[];
  readonly exitCode: number | null;
  /** Name of the signal that ended the main process, if it was one. */
  readonly signal: string | null;
  /** What the engine says, of the container or by its events; a hint, never the verdict by itself. Null where it cannot tell (Podman, unless it is true) or was not asked. */
  readonly oomKilled: boolean | null;
  /** The first says who ended the run; what else was seen follows in the order it was noticed. Never empty. */
  readonly evidence: readonly Evidence[];
  readonly image: { readonly reference: string; readonly digest: string | null };
  readonly containerName: string | null;
  readonly decision: PolicyDecision;
  /** Of the run: its first attempt. */
  readonly startedAt: string;
  readonly endedAt: string;
  /** Phases of the last attempt; `totalMs` is the whole run with its pauses. */
  readonly durations: Durations;
  readonly stdout: CapturedStream;
  readonly stderr: CapturedStream;
  readonly lastLog: LastLog | null;
  /** False when bytes may have been lost, for example after the engine went away. */
  readonly logsComplete: boolean;
  readonly inputs: readonly InputReport[];
  readonly given: GivenReport;
  readonly outputs: readonly OutputReport[];
  /** Of all attempts; for outputs one for each output and secret. Encrypted, compressed or disguised otherwise, a secret is not recognized. */
  readonly secretLeaks: readonly SecretLeak[];
  /** Null when the run ended before the first reading, never ran, or the engine tells nothing. */
  readonly usage: Usage | null;
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * An account of the run in hashes, for `verifyReceipt`; null only in a result that no runtime made, as in tests, and in that of a run whose process
   * died, which another one put together.
   */
  readonly receipt: Receipt | null;
  /** What was kept on purpose after the end; null when nothing was. */
  readonly kept: { readonly container: string | null; readonly workspace: string | null } | null;
}

/** One try of a run: how it ended, or with which error it failed. */
export interface AttemptReport {
  readonly attempt: number;
  /** Null, like the reason, where an error kept the attempt from having an outcome. */
  readonly status: RunStatus | null;
  readonly reason: Reason | null;
  /** The error's; null where there is an outcome. */
  readonly code: string | null;
  readonly message: string;
  readonly startedAt: string;
  readonly endedAt: string;
}

/** The job ended by itself with exit code 0 and all required outputs were stored. */
export interface SucceededResult extends RunResultBase {
  readonly status: 'succeeded';
  readonly reason: ReasonOf<'succeeded'>;
  readonly category: null;
  readonly exitCode: 0;
}

/** The job failed, or was ended by a limit or the infrastructure. */
export interface FailedResult extends RunResultBase {
  readonly status: 'failed';
  readonly reason: ReasonOf<'failed'>;
  readonly category: Category;
}

/** A deadline ended the run. */
export interface TimedOutResult extends RunResultBase {
  readonly status: 'timed_out';
  readonly reason: ReasonOf<'timed_out'>;
  readonly category: Category;
}

/** The caller, or the runtime's end, ended the run. */
export interface CancelledResult extends RunResultBase {
  readonly status: 'cancelled';
  readonly reason: ReasonOf<'cancelled'>;
  readonly category: Category;
}

/** The outcome of a run, told apart by `status`. JSON-safe; every variant has the same keys in the same order. */
export type RunResult = SucceededResult | FailedResult | TimedOutResult | CancelledResult;
