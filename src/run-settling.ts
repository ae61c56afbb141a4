/** How one attempt ends: what failed, what is undone, and the result or error that comes of it. It does none of the work before. */
import type { Verdict } from './execute/verdict.js';
import type { RunOutcome } from './outcome.js';
import type { RunResult } from './result.js';
import { type Cleanup, createCleanup } from './run-cleanup.js';
import type { Run } from './run-context.js';
import { failureOf, outcomeOfStop, toErrorRecord } from './run-ending.js';
import { type RunRecord, toRunResult } from './run-record.js';
import { redactedResult } from './run-redaction.js';

/** Does the work of an attempt that has its place, then writes down how it ends and undoes everything; gives what failed, or null. */
export async function settleAttempt(run: Run, work: (cleanup: Cleanup) => Promise<void>): Promise<unknown> {
  const cleanup = createCleanup();
  let failure: unknown = null;
  try {
    await work(cleanup);
  } catch (error) {
    failure = error;
  } finally {
    run.keeping.succeeded = failure === null && finalVerdict(run, run.record, null)?.reason === 'completed';
    await run.note({ name: 'settled', outcome: outcomeSoFar(run, failure) });
    run.emit('cleanup_start', {});
    await cleanup.run((what, error) => {
      run.cleanupFailed(what, error);
    });
    run.emit('cleanup_end', {});
  }
  return failure;
}

/** How the attempt ends if nothing more is learned while it is cleaned up. */
function outcomeSoFar(run: Run, failure: unknown): RunOutcome {
  try {
    const result = conclude(run, failure);
    return { outcome: 'result', result: redactedResult(result, run.record.redactor) };
  } catch (error) {
    return { outcome: 'error', error: toErrorRecord(failureOf(error, run.record, undefined)) };
  }
}

/**
 * The result the record has come to.
 *
 * @throws what failed, typed and with the result on it if there already was one.
 */
export function conclude(run: Run, failure: unknown): RunResult {
  const { record } = run;
  const { plan } = record;
  const verdict = finalVerdict(run, record, failure);
  const end = { endedAt: run.timestamp(), nowMs: run.monotonic() };
  const result = plan === null || verdict === null ? undefined : toRunResult(record, plan, verdict, end);
  if (result !== undefined && (failure === null || wasStopped(run, record, failure))) return result;
  throw failureOf(failure, record, result);
}
/** Whether a stop explains the failure: it came before the container's end was known, or broke off what came after. */
function wasStopped(run: Run, record: RunRecord, failure: unknown): boolean {
  return run.stop.cause !== null && (record.verdict === null || failure === run.stop.signal.reason);
}

/** A job that succeeded but whose outputs were broken off did not succeed; any other end of its own stands. */
function finalVerdict(run: Run, record: RunRecord, failure: unknown): Verdict | null {
  const own = record.verdict;
  if (failure === null || !wasStopped(run, record, failure)) return own;
  const stopped = outcomeOfStop(run.stop.cause);
  if (own === null) return stopped;
  if (own.reason !== 'completed' || stopped === null) return own;
  return { ...stopped, exitCode: own.exitCode, evidence: [...stopped.evidence, ...own.evidence] };
}
