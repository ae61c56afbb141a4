/** The runs a runtime knows: those under way and the last that ended. It starts none and decides nothing. */
import type { StopCause } from './execute/stop.js';
import type { LiveRun, RunHandle } from './run-handle.js';
import { type RunFilter, type RunSummary, toRunTest } from './run-summary.js';

/** How many ended runs are remembered. */
const REMEMBERED_RUNS = 100;

/** Live runs, and the last that ended. */
export interface RuntimeRuns {
  /** Takes a run in until it has ended; its id must not be that of a live run. */
  add(run: LiveRun): void;
  isLive(runId: string): boolean;
  hasLive(): boolean;
  /** Stops a live run; without effect where there is none of that id. */
  stopRun(runId: string, cause: StopCause): void;
  get(runId: string): RunHandle | undefined;
  /**
   * Oldest first, ended ones before live ones.
   *
   * @throws `validation.invalid_job` for a filter that cannot be understood.
   */
  summaries(filter: RunFilter): readonly RunSummary[];
  /**
   * Stops the live runs that are meant; resolves with how many when all of them are cleaned up.
   *
   * @throws `validation.invalid_job` for a filter that cannot be understood.
   */
  stop(filter: RunFilter, cause: StopCause): Promise<number>;
  /** Resolves when every run that is live now has ended and is cleaned up. */
  settled(): Promise<void>;
}

/** No runs yet. */
export function createRuntimeRuns(): RuntimeRuns {
  const live = new Map<string, LiveRun>();
  const ended = new Map<string, LiveRun>();

  const forget = (runId: string, run: LiveRun): void => {
    live.delete(runId);
    // Deleted first: a run id that is used again stands among the youngest.
    ended.delete(runId);
    ended.set(runId, run);
    for (const oldest of ended.keys()) {
      if (ended.size <= REMEMBERED_RUNS) break;
      ended.delete(oldest);
    }
  };
  const endOf = async (runs: readonly LiveRun[]): Promise<void> => {
    await Promise.allSettled(runs.map(async ({ handle }) => handle.result));
  };

  return {
    add(run) {
      const { runId, result } = run.handle;
      live.set(runId, run);
      const onEnd = (): void => {
        forget(runId, run);
      };
      result.then(onEnd, onEnd);
    },
    isLive: (runId) => live.has(runId),
    hasLive: () => live.size > 0,
    stopRun(runId, cause) {
      live.get(runId)?.stop(cause);
    },
    get: (runId) => (live.get(runId) ?? ended.get(runId))?.handle,
    summaries(filter) {
      const isMeant = toRunTest(filter);
      return [...ended.values(), ...live.values()].map(({ handle }) => handle.summary()).filter(isMeant);
    },
    async stop(filter, cause) {
      const isMeant = toRunTest(filter);
      const meant = [...live.values()].filter(({ handle }) => isMeant(handle.summary()));
      for (const run of meant) run.stop(cause);
      await endOf(meant);
      return meant.length;
    },
    settled: async () => endOf([...live.values()]),
  };
}
