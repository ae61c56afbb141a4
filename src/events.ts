/** What happens during a run, as data. Already redacted, JSON-safe. */
import type { RunOutcome } from './outcome.js';
import type { AttemptReport, Durations, OutputReport, PolicyDecision } from './result.js';

/** What each event says besides its envelope. A phase that begins with a `…_start` has its `…_end` only if it came to one: what fails in it ends the attempt. */
export interface EventFields {
  run_start: { readonly jobSlug: string | null };
  attempt_start: object;
  /** How the attempt ended, and the pause before the next one; null if there is none. */
  attempt_end: AttemptReport & { readonly retryInMs: number | null };
  policy_decision: { readonly decision: PolicyDecision };
  queue_start: object;
  queue_end: object;
  pull_start: { readonly reference: string };
  pull_progress: {
    readonly layer: string | null;
    readonly status: string;
    readonly currentBytes: number | null;
    readonly totalBytes: number | null;
  };
  pull_end: { readonly digest: string | null; readonly pulled: boolean };
  stage_start: { readonly inputs: number };
  stage_progress: { readonly workspacePath: string; readonly files: number; readonly sizeBytes: number };
  stage_end: { readonly files: number; readonly sizeBytes: number };
  /** Only where the job has secrets: how many are resolved. */
  secrets_start: { readonly secrets: number };
  secrets_end: object;
  container_created: { readonly containerName: string; readonly containerId: string };
  container_started: { readonly containerName: string };
  container_exited: { readonly exitCode: number | null };
  output: { readonly stream: 'stdout' | 'stderr'; readonly text: string };
  output_dropped: { readonly stream: 'stdout' | 'stderr'; readonly bytes: number };
  collect_start: { readonly outputs: number };
  /** All outputs are verified, and some are there: they are stored now. */
  upload_start: { readonly files: number; readonly sizeBytes: number };
  upload_end: object;
  output_collected: { readonly output: OutputReport };
  collect_end: { readonly files: number; readonly sizeBytes: number };
  warning: { readonly message: string };
  /** What the attempt had made is undone from here on, whatever it came to. */
  cleanup_start: object;
  cleanup_error: {
    readonly what: 'container' | 'workspace' | 'secret' | 'outputs';
    readonly message: string;
  };
  cleanup_end: object;
  /** What was kept on purpose: a container's name, a folder. */
  kept: { readonly container: string | null; readonly workspace: string | null };
  run_end: RunOutcome & { readonly durations: Durations };
}

/** The names of all events. */
export type RunEventType = keyof EventFields;

/** What every event says. */
export interface EventEnvelope<T extends RunEventType> {
  readonly type: T;
  readonly runId: string;
  readonly attempt: number;
  /** ISO time on this host. */
  readonly at: string;
  /** The caller's. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** One event of one run, told apart by `type`. Exactly one `run_start` and one `run_end` per run. */
export type RunEvent = { [T in RunEventType]: EventEnvelope<T> & EventFields[T] }[RunEventType];

/** What belongs to an event of one type, besides its envelope. */
export type RunEventFields<T extends RunEventType> = EventFields[T];
