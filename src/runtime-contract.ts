/** What a runtime offers, as a contract. No behaviour. */
import type { DoctorOptions, DoctorReport } from './doctor/report.js';
import type { RuntimeImages } from './images/image-calls.js';
import type { RuntimeConfig } from './config/runtime-config.js';
import type { Validation, ValidJob } from './job/validate.js';
import type { RunRequest } from './plan/container-spec.js';
import type { Explanation } from './plan/explain.js';
import type { PolicyInput } from './policy/policy.js';
import type { Readiness } from './readiness.js';
import type { ReconcileReport } from './recovery/report.js';
import type { RunResult } from './result.js';
import type { RunHandle } from './run-handle.js';
import type { Definitions, JobOutcome } from './run-jobs.js';
import type { RunJobsOptions } from './run-jobs-options.js';
import type { ExplainOptions, RunOptions } from './run-options.js';
import type { RunFilter, RunSummary } from './run-summary.js';
import type { CancelReport, CancelRunOptions } from './runtime-cancels.js';
import type { OpenRun } from './runtime-open-runs.js';
import type { RuntimeStats } from './stats.js';
import type { KeptRun } from './workspace/kept.js';

/** Runs jobs under one policy on one engine. */
export interface Runtime extends AsyncDisposable {
  /** Frozen. Read once when the runtime was created; `updatePolicy` puts another one in its place. */
  readonly config: RuntimeConfig;
  /** Shape and policy together, and options that cannot be used; never throws. */
  validate(definition: unknown, options?: Pick<RunOptions, 'profile'>): Validation<ValidJob>;
  /**
   * What would be done and why, without an engine. Synchronous, pure, never throws; also on a disabled runtime. Options that cannot be used are
   * issues of its `validation`.
   */
  explain(definition: unknown, options?: ExplainOptions): Explanation;
  /**
   * Runs a job to its end. Whatever the job comes to is a result; rejects only when there can be none.
   *
   * @throws `validation.invalid_job`, `policy.denied`, `runtime.disabled`, `runtime.closed`, `runtime.paused`, `runtime.queue_full`, and the
   * codes of secrets, workspace, storage, image and engine.
   */
  runJob(definition: unknown, options?: RunOptions): Promise<RunResult>;
  /** Begins a job and returns at once; never throws: what is wrong is how the run ends. */
  startJob(definition: unknown, options?: RunOptions): RunHandle;
  /** Images of its engine: pulled, named, sent and taken in under the operator's policy. */
  readonly images: RuntimeImages;
  /** Runs what a front door compiled; judged like any job. */
  run(request: RunRequest, options?: RunOptions): Promise<RunResult>;
  /** Begins what a front door compiled and returns at once; never throws, as `startJob`. */
  startRun(request: RunRequest, options?: RunOptions): RunHandle;
  /**
   * Runs many definitions and hands out what became of each as it ends. The source is read one by one, as places become free: never more than
   * `maxConcurrentRuns` definitions are read and not handed out yet, so a slow reader slows the runs, and a source may be endless. A definition
   * waits its turn also where `runJob` would be refused with `runtime.queue_full` or `runtime.paused`.
   *
   * Nothing begins before the first `next`, and the series can be gone through once. Breaking off cancels what is under way and waits until it
   * is cleaned up. A source or `each` that throws, and a runtime that closes, end the series: what was read is handed out first, then
   * the iteration throws what was thrown, or `runtime.closed`.
   *
   * @throws `validation.invalid_job` for options that only one run can have; `runtime.closed`; `runtime.disabled`; what the source throws.
   * @example
   * ```ts
   * for await (const outcome of runtime.runJobs(definitions)) {
   *   if (outcome.ok) console.log(outcome.index, outcome.result.status);
   *   else console.error(outcome.index, outcome.error.code);
   * }
   * ```
   */
  runJobs<D>(definitions: Definitions<D>, options?: RunJobsOptions<D>): AsyncIterableIterator<JobOutcome<D>>;
  /** A live run, or one of the last 100 that ended. */
  get(runId: string): RunHandle | undefined;
  /**
   * The last 100 runs that ended and the live ones, oldest first; only those that satisfy every key of the filter.
   *
   * @throws `validation.invalid_job` for a filter that cannot be understood.
   */
  runs(filter?: RunFilter): readonly RunSummary[];
  /**
   * The runs of this instance that are not over, whichever process runs them, oldest first: those the run store remembers, and those only a container
   * tells of. With `all` also the containers of other instances that share the label prefix, and those that were kept. Asks the engine and
   * the store, and changes nothing.
   *
   * @throws `engine.unreachable` and what else keeps containers from being listed; `runtime.store_failed`; `runtime.closed`;
   * `validation.invalid_job` for an option that cannot be used.
   */
  openRuns(options?: { readonly all?: boolean | undefined }): Promise<readonly OpenRun[]>;
  /**
   * Cancels a run of this instance, also one that another process runs, and resolves when it has ended or the time to wait is over. The process
   * that runs it hears of it within about a second, through the run store they share; who asked and why is in the evidence of the result.
   *
   * @throws `run.not_found` where the run store knows no such run; `runtime.store_failed`; `validation.invalid_job` for an option that cannot be used.
   */
  cancelRun(runId: string, options?: CancelRunOptions): Promise<CancelReport>;
  /**
   * Puts a whole policy in the place of the present one: what is absent is the default, not what was before. Either all of it counts from now
   * on, or, if it throws, none. Runs that wait are judged by it when their turn comes; runs that have their place go on as they were judged.
   *
   * @throws `config.invalid`, listing every bad value.
   */
  updatePolicy(policy: PolicyInput): void;
  /** Takes no new runs (`runtime.paused`) and begins none that wait, whose time in the queue runs on; what has its place goes on. Idempotent. */
  pause(): void;
  /** Ends a pause. Idempotent. */
  resume(): void;
  /**
   * Cancels the live runs that are meant, those that wait too, and resolves with how many they were when all are cleaned up. A series of
   * `runJobs` goes on with its next definition.
   *
   * @throws `validation.invalid_job` for an option or a filter that cannot be understood, and nothing is cancelled.
   */
  cancelAll(options?: {
    /** Default: all of them. */
    readonly filter?: RunFilter | undefined;
    /** In the message and evidence of each result. Default: that its caller cancelled it. */
    readonly reason?: string | undefined;
  }): Promise<number>;
  /**
   * Whether a run would be taken now. Asks the engine at most once a minute, and again after it could not be reached; the rest of the answer
   * is always as of now. Never rejects.
   */
  readiness(): Promise<Readiness>;
  /**
   * Examines the engine: what it is, and whether each limit berthkit relies on is really enforced, tried in a few short containers of an image that
   * is there. They take their place among runs, are bounded in time (5 minutes for all) and are removed. What could not be seen is `not_checked`.
   * From then on a run that was promised a limit seen `not_enforced` is refused with `policy.unenforceable`, unless
   * `policy.security.acceptUnenforced` names it; the next examination may find otherwise. Works on a disabled runtime, too.
   *
   * @throws `runtime.closed`; `validation.invalid_job` for an option that cannot be used. An engine that cannot be reached is in the report.
   * @example
   * ```ts
   * const { healthy, limits } = await runtime.doctor({ image: 'busybox:1' });
   * for (const { limit, state, remedy } of limits) if (state !== 'enforced') console.error(limit, state, remedy);
   * if (!healthy) throw new Error('see above');
   * ```
   */
  doctor(options?: DoctorOptions): Promise<DoctorReport>;
  /** This runtime in numbers, as of now and since it was created. Asks nobody; works on a closed runtime, too. */
  stats(): RuntimeStats;
  /**
   * What `stats` says that has a bounded number of names, as OpenMetrics 1.0 text with the media type `METRICS_CONTENT_TYPE`.
   *
   * @example
   * ```ts
   * import { createServer } from 'node:http';
   * import { createRuntime, METRICS_CONTENT_TYPE } from 'berthkit';
   *
   * const runtime = createRuntime();
   * createServer((_, response) => {
   *   response.setHeader('content-type', METRICS_CONTENT_TYPE);
   *   void runtime.metrics().then((text) => response.end(text));
   * });
   * ```
   */
  metrics(): Promise<string>;
  /**
   * Removes the containers and folders that dead processes of this instance left behind, finishes or takes back what they published, and gives their
   * runs their end; with `recovery.mode: 'adopt'` it follows those that still run. Call it when your application starts. With `dryRun` it only says what it would do. What is not proven to be a dead
   * process's is left alone and reported. It is done by itself, too, as `recovery` in the configuration says. What runs kept on
   * purpose stays within its bounds of age and size.
   *
   * @throws `engine.unreachable` and what else keeps containers from being listed; `runtime.store_failed`; `runtime.closed`;
   * `validation.invalid_job` for an option that cannot be used, and nothing is done.
   */
  reconcile(options?: {
    readonly dryRun?: boolean | undefined;
    /** False: with `recovery.mode: 'adopt'`, runs that could be adopted are left to a runtime that lives longer. Default: true. */
    readonly adopts?: boolean | undefined;
  }): Promise<ReconcileReport>;
  /**
   * Takes no more runs, ends those that wait, lets those that run end for `drainMs` (default 0), then stops them, and resolves when all is
   * cleaned up. Ended by this they are `cancelled`/`runtime_shutdown`, and their outputs are not collected; calls of `images` go on and are stopped likewise,
   * with `runtime.closed`. Called again, it may cut the time short and never lengthens it. What runs kept on purpose stays, and is named.
   *
   * @throws `validation.invalid_job` for an option that cannot be used, and nothing closes.
   */
  close(options?: { readonly drainMs?: number | undefined }): Promise<CloseReport>;
}

/** What a closed runtime leaves behind. */
export interface CloseReport {
  /** What runs of this instance kept, also earlier processes' runs, oldest first: within `retention.maxAgeMs`, `maxBytes` and `maxRuns`. */
  readonly kept: readonly KeptRun[];
}
