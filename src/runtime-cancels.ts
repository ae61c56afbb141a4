/** Ends a run of an instance whichever process runs it: word is left in the run store that they share, and the end waited for. */
import { RunError } from './errors.js';
import { pause } from './execute/deadline.js';
import type { RunOutcome } from './outcome.js';
import { askStore } from './recovery/ask-store.js';
import type { OwnerJudge } from './recovery/judge-owner.js';
import { cancelCause } from './run-cancel-request.js';
import type { RunStore, StoredRun } from './run-store/types.js';
import type { RuntimeRuns } from './runtime-runs.js';

/** How a run is cancelled that may be another process's. */
export interface CancelRunOptions {
  /** In the message and the evidence of its result; at most 500 characters. */
  readonly reason?: string | undefined;
  /** Who asks, told with it; at most 200 characters. Default: this process, as in the label `owner`. */
  readonly by?: string | undefined;
  /** How long to wait for its end. Default: 2 minutes. */
  readonly waitMs?: number | undefined;
}

/** What came of it. JSON-safe. */
export interface CancelReport {
  readonly runId: string;
  /**
   * `cancelled`: that is how it ended. `ended`: it had come to another end before. `owner_dead`: the process that ran it is dead, and nobody can cancel
   * it; `reconcile` accounts for it. `pending`: it was asked for, and the run goes on to its end after the time to wait was over.
   */
  readonly outcome: 'cancelled' | 'ended' | 'owner_dead' | 'pending';
  /** As the store has it; null where there is none yet. */
  readonly end: RunOutcome | null;
  /** In words. */
  readonly detail: string;
}

/** Where word is left, and found. */
export interface CancelOptions {
  readonly store: RunStore;
  readonly identity: { readonly instance: string; readonly owner: string };
  readonly runs: Pick<RuntimeRuns, 'isLive' | 'get' | 'stopRun'>;
  /** As of now. */
  readonly judge: () => Promise<OwnerJudge>;
  /** ISO time of now. */
  readonly timestamp: () => string;
  /** Milliseconds on a clock that never jumps. */
  readonly monotonic: () => number;
}

const DEFAULT_WAIT_MS = 120_000;
const FIRST_LOOK_MS = 50;
const MAX_LOOK_MS = 1_000;

/**
 * Asks for the end of a run and waits for it.
 *
 * @throws `run.not_found`; `runtime.store_failed`.
 */
export async function cancelRun(
  runId: string,
  { reason = 'cancelled', by, waitMs = DEFAULT_WAIT_MS }: CancelRunOptions,
  options: CancelOptions,
): Promise<CancelReport> {
  const { store, identity, runs } = options;
  const who = by ?? identity.owner;
  const found = await ask(async () => store.get(runId));
  const run = found?.instance === identity.instance ? found : null;
  const isLive = runs.isLive(runId);
  if (run === null && !isLive) throw notFound(runId, identity.instance);
  const request = { instance: identity.instance, runId, by: who, reason, at: options.timestamp() };
  if (isLive) runs.stopRun(runId, cancelCause(request));
  if (run === null) return endOfLive(runId, waitMs, options);
  if (run.end !== null) return reportEnd(runId, run.end, true);
  if (!isLive) {
    const dead = await deathOf(run, options);
    if (dead !== null) return dead;
    await ask(async () => store.requestCancel({ ...request, startedAt: run.startedAt }));
  }
  return waitForEnd(run, waitMs, options);
}

async function waitForEnd(run: StoredRun, waitMs: number, options: CancelOptions): Promise<CancelReport> {
  const { store, monotonic } = options;
  const untilMs = monotonic() + waitMs;
  for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(2 * lookMs, MAX_LOOK_MS)) {
    const now = await ask(async () => store.get(run.runId));
    // Whatever stands there under its id now: this one is over, and was forgotten.
    if (now?.startedAt !== run.startedAt) return reportEnd(run.runId, null, false);
    if (now.end !== null) return reportEnd(run.runId, now.end, false);
    const dead = await deathOf(now, options);
    if (dead !== null) return dead;
    const leftMs = untilMs - monotonic();
    if (leftMs <= 0) return pending(run.runId, waitMs);
    await pause(Math.min(lookMs, leftMs));
  }
}

/** Of a run that is not claimed yet the store knows nothing. */
async function endOfLive(runId: string, waitMs: number, { runs }: CancelOptions): Promise<CancelReport> {
  const over = new AbortController();
  const ended = runs.get(runId)?.result.then(
    (result): CancelReport => reportEnd(runId, { outcome: 'result', result }, false),
    (): CancelReport => reportEnd(runId, null, false),
  );
  const late = pause(waitMs, over.signal).then((): CancelReport => pending(runId, waitMs));
  try {
    return await Promise.race(ended === undefined ? [late] : [ended, late]);
  } finally {
    over.abort();
  }
}

async function deathOf({ runId, owner }: StoredRun, { judge }: CancelOptions): Promise<CancelReport | null> {
  const { state, proof } = (await ask(judge))(owner);
  if (state !== 'dead') return null;
  const detail = `nobody runs it any more: ${proof}; reconcile accounts for it`;
  return { runId, outcome: 'owner_dead', end: null, detail };
}

function reportEnd(runId: string, end: RunOutcome | null, hadEnded: boolean): CancelReport {
  const word = end === null ? 'forgotten' : end.outcome === 'result' ? end.result.reason : end.error.code;
  const isCancelled = !hadEnded && end?.outcome === 'result' && end.result.reason === 'cancelled';
  return {
    runId,
    outcome: isCancelled ? 'cancelled' : 'ended',
    end,
    detail: `${hadEnded ? 'it had ended before' : 'it ended'}: ${word}`,
  };
}

const pending = (runId: string, waitMs: number): CancelReport => ({
  runId,
  outcome: 'pending',
  end: null,
  detail: `it was asked to end, and has not within ${String(waitMs)} ms`,
});

function notFound(runId: string, instance: string): RunError {
  return new RunError(
    'run.not_found',
    `the run store of the instance "${instance}" knows no run "${runId}"`,
    {
      runId,
      hint: 'instanceId and stateDir must be those of the application that runs it',
    },
  );
}

const ask = async <T>(asking: () => Promise<T>): Promise<T> =>
  askStore('the run cannot be cancelled', asking);
