/** A run that another one already stands for, by its idempotency key: it does nothing itself, and ends as that one does. */
import { RuntimeError } from './errors.js';
import { pause } from './execute/deadline.js';
import { abortable } from './host/chunks.js';
import type { RunOutcome } from './outcome.js';
import type { RunPlan } from './plan/run-plan.js';
import { toRecordedError } from './recorded-error.js';
import type { RunResult } from './result.js';
import type { Run } from './run-context.js';
import { withQueueDeadline } from './run-preparation.js';
import type { StoredRun } from './run-store/types.js';

const FIRST_LOOK_MS = 100;
const MAX_LOOK_MS = 2_000;

/**
 * Waits for the end of the run that stands, for as long as the plan lets it wait for a place, and gives its result unchanged. Ending this run ends the
 * waiting only.
 *
 * @throws the error the other run ended with; the stop's signal reason; `runtime.store_failed`.
 */
export async function joinRun(run: Run, plan: RunPlan, standing: StoredRun): Promise<RunResult> {
  run.record.phase = 'queue';
  run.record.isJoined = true;
  run.stop.signal.throwIfAborted();
  if (standing.end !== null) return resultOf(standing.end, standing.runId);
  return withQueueDeadline(run, plan.timeouts.queueMs, async () => {
    const live = liveResult(run, standing);
    if (live !== undefined) return abortable(live, run.stop.signal);
    return resultOf(await endInStore(run, standing), standing.runId);
  });
}

/** The promise of a run of this runtime. Under this run's own id only the store can tell the two apart. */
function liveResult(run: Run, { runId, owner }: StoredRun): Promise<RunResult> | undefined {
  const isElsewhere = owner !== run.identity.owner || runId === run.record.runId;
  return isElsewhere ? undefined : run.liveResult(runId);
}

async function endInStore(run: Run, { runId, requestHash }: StoredRun): Promise<RunOutcome> {
  const { stop, store } = run;
  for (let waitMs = FIRST_LOOK_MS; ; waitMs = Math.min(waitMs * 2, MAX_LOOK_MS)) {
    stop.signal.throwIfAborted();
    const found = await look(store.get(runId));
    if (found?.requestHash !== requestHash) throw lost(`it knows nothing of run "${runId}" any more`);
    if (found.end !== null) return found.end;
    // What cannot be reconciled now may be later, by this process or another.
    await run.recoverIfDead(found).catch(() => false);
    await pause(waitMs, stop.signal);
  }
}

async function look<T>(asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (error) {
    throw lost(error instanceof Error ? error.message : String(error), error);
  }
}

const lost = (why: string, cause?: unknown): RuntimeError =>
  new RuntimeError('runtime.store_failed', `the run store does not tell how the run ended: ${why}`, {
    cause,
  });

function resultOf(end: RunOutcome, runId: string): RunResult {
  if (end.outcome === 'result') return end.result;
  throw toRecordedError(end.error, runId);
}
