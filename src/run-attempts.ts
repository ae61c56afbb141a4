/** One run from its first attempt to the end that stands: one `performRun` an attempt, and a pause before each further one; or the rest of one that was taken over. */
import type { AnyJobRuntimeError } from './errors.js';
import type { Release } from './execute/admission.js';
import { type AttemptOutcome, isTriedAgain, retryDelayMs } from './execute/retry.js';
import type { RecordedStop, StopSource } from './execute/stop.js';
import type { RunRequest } from './plan/container-spec.js';
import { planRetry } from './plan/plan-retry.js';
import type { PlannedRetry } from './plan/run-plan.js';
import type { AttemptReport, RunResult } from './result.js';
import { fixedHashOf } from './run-fixed-hash.js';
import { createReceipt } from './receipt.js';
import { performRun } from './run.js';
import { type AdoptedRun, performAdopted } from './run-adoption.js';
import { refusedFields, requestedFields } from './run-audit.js';
import type { Run, RunEnvironment } from './run-context.js';
import { failureOf, outcomeOfStop } from './run-ending.js';
import type { RunOptions } from './run-options.js';
import { withLeaksOfResult } from './run-leaks.js';
import { earlierAttemptsOf } from './run-orphan.js';
import { toAttemptReport, toRunResult } from './run-record.js';
import { redactedResult } from './run-redaction.js';
import { keepStreams, type KeptStreams } from './workspace/kept-streams.js';

/** What the attempts of a run share. */
export interface AttemptsParts {
  /** May throw: then the run has one attempt, and this is how it ends. */
  readonly toRequest: () => RunRequest;
  readonly options: RunOptions;
  readonly environment: RunEnvironment;
  /** Stops the run, whichever attempt is under way or none. */
  readonly stop: StopSource;
  /** Makes the context of the next attempt and says that it begins. */
  readonly begin: (before: BeforeAttempt) => Run;
}

/** What an attempt is begun with. */
export interface BeforeAttempt {
  readonly attempts: readonly AttemptReport[];
  /** What earlier attempts warned of. */
  readonly warnings: readonly string[];
  readonly options: RunOptions;
}

/** What this file does, for whoever is given it. */
export interface RunPerformers {
  readonly performAttempts: typeof performAttempts;
  readonly performAdoption: typeof performAdoption;
}

/** A further attempt that is decided on: it waits for so long, and counts as resting until it is released. */
interface Rest {
  readonly delayMs: number;
  readonly release: Release;
}

/**
 * Performs attempts until one comes to an end that stands: its result is returned or its error thrown, redacted. Every attempt has a workspace,
 * a container, secrets and deadlines of its own, and waits for its place anew.
 */
export async function performAttempts(parts: AttemptsParts): Promise<RunResult> {
  const { environment, stop, begin } = parts;
  const request = requestOf(parts);
  const requestHash = (): string => fixedHashOf(request);
  const retry = planRetry(request.retry, environment.currentConfig().retry);
  const streams = retry.maxAttempts > 1 ? keepStreamsOf(parts) : null;
  const options = { ...parts.options, ...streams?.options };
  const attempts: AttemptReport[] = [];
  let warnings: readonly string[] = [];
  try {
    for (;;) {
      const run = begin({ attempts: attempts.slice(), warnings, options });
      const isFirst = attempts.length === 0;
      const outcome = await attemptOnce(run, async () => {
        if (isFirst) run.putOnRecord('run_requested', requestedFields(request, run.options));
        return performRun(run, request);
      });
      const report = reportOf(run, outcome);
      if (run.record.isJoined) return joined(run, requestHash, outcome, report);
      attempts.push(report);
      warnings = run.record.warnings;
      const mayFollow = attempts.length < retry.maxAttempts && stop.cause === null;
      const rest =
        mayFollow && isTriedAgain(outcome, retry) ? nextRest(run, retry, attempts.length, streams) : null;
      run.emit('attempt_end', { ...report, retryInMs: rest?.delayMs ?? null });
      if (rest === null) return settled(run, outcome, { requestHash, ended: attempts });
      run.record.phase = 'rest';
      await run.ports.clock.pause(rest.delayMs, stop.signal).finally(rest.release);
      if (stop.cause !== null)
        return stoppedAtRest(run, outcome, { requestHash, ended: attempts }, stop.cause);
    }
  } finally {
    await streams?.close();
  }
}

/** What the rest of a run that was taken over needs. */
export interface AdoptionParts extends Pick<AttemptsParts, 'options' | 'stop' | 'begin'> {
  readonly adopted: AdoptedRun;
}

/** Brings the attempt to its end that another process began. There is no further one: what the job was started with is gone with that process. */
export async function performAdoption({ adopted, options, stop, begin }: AdoptionParts): Promise<RunResult> {
  const attempts = earlierAttemptsOf(adopted.run, adopted.attempt);
  const run = begin({ attempts, warnings: [], options });
  run.warn(
    `this run was taken over from a process that died (${adopted.proof}): what it wrote before is missing`,
  );
  const outcome = await attemptOnce(run, async () => performAdopted(run, adopted));
  const report = reportOf(run, outcome);
  const { retry } = adopted.run.plan;
  const mayFollow = attempts.length + 1 < retry.maxAttempts && stop.cause === null;
  if (mayFollow && isTriedAgain(outcome, retry)) {
    run.warn('there is no further attempt: the process that could make one is dead');
  }
  run.emit('attempt_end', { ...report, retryInMs: null });
  const requestHash = (): string | null => adopted.run.receipt?.request ?? null;
  return settled(run, outcome, { requestHash, ended: [...attempts, report] });
}

/** What is refused before it is tried counts as one attempt, so that every run has a first and a last. */
function requestOf({ toRequest, options, begin }: AttemptsParts): RunRequest {
  try {
    return toRequest();
  } catch (error) {
    const run = begin({ attempts: [], warnings: [], options });
    const failure = failureOf(error, run.record, undefined);
    run.putOnRecord('run_refused', refusedFields(failure, run.config.policy, run.record.jobSlug));
    run.emit('attempt_end', { ...reportOf(run, { outcome: 'error', error: failure }), retryInMs: null });
    throw failure;
  }
}

function keepStreamsOf({ options: { files, stdin }, environment }: AttemptsParts): KeptStreams {
  const config = environment.currentConfig();
  return keepStreams({ files, stdin }, { folder: config.workspaceRoot, maxStreamBytes: config.maxFileBytes });
}

async function attemptOnce(run: Run, perform: () => Promise<RunResult>): Promise<AttemptOutcome> {
  try {
    return { outcome: 'result', result: redactedResult(await perform(), run.record.redactor) };
  } catch (error) {
    return { outcome: 'error', error: failureOf(error, run.record, undefined) };
  }
}

function reportOf(run: Run, attempt: AttemptOutcome): AttemptReport {
  const endedAt = run.timestamp();
  if (attempt.outcome === 'error') {
    const { code, message } = attempt.error;
    return toAttemptReport(run.record, { status: null, reason: null, code, message }, endedAt);
  }
  const { status, reason, message } = attempt.result;
  return toAttemptReport(run.record, { status, reason, code: null, message }, attempt.result.endedAt);
}

/** The pause before the next attempt; null, with a warning, where it cannot have the same content or too many runs rest. */
function nextRest(run: Run, retry: PlannedRetry, failed: number, streams: KeptStreams | null): Rest | null {
  const problem = streams?.problem() ?? null;
  const release = problem === null ? run.resting.enter() : null;
  if (release !== null) return { delayMs: retryDelayMs(retry, failed, run.ports.random), release };
  run.warn(`there is no further attempt: ${problem ?? 'too many runs wait for theirs'}`);
  return null;
}

/** What an end is told with. */
interface EndParts {
  /** Null: not known, and then there is no receipt. */
  readonly requestHash: () => string | null;
  readonly ended: readonly AttemptReport[];
}

/** The other run had its own attempts, and its end is told as it is; the end of a wait for it is this run's own. */
function joined(
  run: Run,
  requestHash: () => string | null,
  attempt: AttemptOutcome,
  report: AttemptReport,
): RunResult {
  run.emit('attempt_end', { ...report, retryInMs: null });
  if (attempt.outcome === 'error') throw attempt.error;
  const { result } = attempt;
  return result.runId === run.record.runId ? sealed(run, requestHash, result) : result;
}

function settled(run: Run, attempt: AttemptOutcome, { requestHash, ended }: EndParts): RunResult {
  if (attempt.outcome === 'result') {
    return sealed(run, requestHash, {
      ...attempt.result,
      warnings: run.record.warnings.map(run.record.redact),
    });
  }
  const error = withAttempts(attempt.error, ended);
  if (error.result === undefined) throw error;
  throw Object.assign(error, { result: sealed(run, requestHash, error.result) });
}

/** The run was stopped while no attempt was under way: that is how it ended, and what the last attempt left is told with it. */
function stoppedAtRest(run: Run, last: AttemptOutcome, parts: EndParts, cause: RecordedStop): RunResult {
  const { record } = run;
  const verdict = outcomeOfStop(cause);
  if (record.plan === null || verdict === null) return settled(run, last, parts);
  const end = { endedAt: run.timestamp(), nowMs: run.monotonic() };
  const result = { ...toRunResult(record, record.plan, verdict, end), attempts: parts.ended };
  return sealed(run, parts.requestHash, redactedResult(result, record.redactor));
}

/** The last touch: a receipt accounts for the result as it is given out. */
function sealed(run: Run, requestHash: () => string | null, ended: RunResult): RunResult {
  const result = withLeaksOfResult(ended, run.record.secrets);
  const request = requestHash();
  if (request === null) return result;
  const policy = run.record.policyHash ?? fixedHashOf(run.config.policy);
  return { ...result, receipt: createReceipt({ request, policy }, result) };
}

/** An error has no list of attempts of its own; where there was more than one, its details have. */
function withAttempts(error: AnyJobRuntimeError, attempts: readonly AttemptReport[]): AnyJobRuntimeError {
  if (attempts.length < 2) return error;
  return Object.assign(error, { details: { ...error.details, attempts } });
}
