/** The story of one run: judge, plan, claim, admit, prepare, stage, reveal secrets, execute, collect, clean up. One call an arrow. */
import type { Verdict } from './execute/verdict.js';
import type { RunOutcome } from './outcome.js';
import type { RunRequest } from './plan/container-spec.js';
import type { RunResult } from './result.js';
import { createCleanup } from './run-cleanup.js';
import { failureOf, outcomeOfStop, toErrorRecord } from './run-ending.js';
import { type RunRecord, toRunResult } from './run-record.js';
import { redactedResult } from './run-redaction.js';
import { collectRun } from './run-collection.js';
import { executeRun } from './run-execution.js';
import { joinRun } from './run-join.js';
import { prepareImage } from './run-image.js';
import { admitRun, openWorkspace, planJudged, stageRun } from './run-preparation.js';
import type { Run } from './run-context.js';
import { revealSecrets } from './run-secrets.js';

/**
 * Runs one accepted request to its end. What the job comes to is returned; what keeps the run from having an outcome is thrown, with the
 * outcome on it if there already was one. Either way everything is cleaned up before this settles.
 */
export async function performRun(run: Run, request: RunRequest): Promise<RunResult> {
  const { record } = run;
  const cleanup = createCleanup();
  let failure: unknown = null;
  try {
    const planned = planJudged(run, request);
    const standing = await run.journal.claim(run, request, planned);
    if (standing !== null) return await joinRun(run, planned, standing);
    await run.confirmAudit();
    const { plan, release } = await admitRun(run, request, planned);
    try {
      const image = await prepareImage(run, plan);
      const workspace = await openWorkspace(run, plan, cleanup);
      const staged = await stageRun(run, plan, workspace, cleanup);
      const secrets = await revealSecrets(run, plan, cleanup);
      const ending = await executeRun(run, { plan, image, workspace, staged, secrets, cleanup });
      await collectRun(run, { plan, workspace, staged, ending, cleanup });
    } catch (error) {
      failure = error;
    } finally {
      run.keeping.succeeded = failure === null && finalVerdict(run, record, null)?.reason === 'completed';
      await run.note({ name: 'settled', outcome: outcomeSoFar(run, failure) });
      run.emit('cleanup_start', {});
      await cleanup.run((what, error) => {
        run.cleanupFailed(what, error);
      });
      run.emit('cleanup_end', {});
      release();
    }
  } catch (error) {
    failure = error;
  }
  return conclude(run, record, failure);
}

/** How the attempt ends if nothing more is learned while it is cleaned up. */
function outcomeSoFar(run: Run, failure: unknown): RunOutcome {
  try {
    const result = conclude(run, run.record, failure);
    return { outcome: 'result', result: redactedResult(result, run.record.redactor) };
  } catch (error) {
    return { outcome: 'error', error: toErrorRecord(failureOf(error, run.record, undefined)) };
  }
}

function conclude(run: Run, record: RunRecord, failure: unknown): RunResult {
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
