/** The story of one run: judge, plan, admit, prepare, stage, reveal secrets, execute, collect, clean up. One call an arrow. */
import type { Verdict } from './execute/verdict.js';
import type { RunRequest } from './plan/container-spec.js';
import type { RunResult } from './result.js';
import { createCleanup } from './run-cleanup.js';
import { failureOf, outcomeOfStop } from './run-ending.js';
import { type RunRecord, toRunResult } from './run-record.js';
import { collectRun, executeRun } from './run-execution.js';
import { admitRun, openWorkspace, planJudged, prepareImage, stageRun } from './run-preparation.js';
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
    const { plan, release } = await admitRun(run, request, planJudged(run, request));
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
      await cleanup.run((what, error) => {
        run.cleanupFailed(what, error);
      });
      release();
    }
  } catch (error) {
    failure = error;
  }
  return conclude(run, record, failure);
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
