/**
 * Chooses which run makes room when the disk runs low while jobs run: one at a time, the one that holds most. Where none holds enough to matter, one may hold what cannot
 * be seen, as a file that is open and has no name: then it is the one that came last. It looks at no disk and no clock.
 */

/** Why a run is the one to make room. */
export type Choice = 'holds_most' | 'came_last';

/** What the runs of a runtime share. Times are milliseconds of one monotonic clock. */
export interface DiskGuard {
  /** What a run holds was measured; for the first time when it comes. */
  use(runId: string, bytes: number, at: number): void;
  /** Why this run is the one to end, now that the disk is low; null: it is not, or not yet. */
  choiceOf(runId: string, at: number): Choice | null;
  /** Whatever the run held is gone, or is kept on purpose. */
  leave(runId: string): void;
}

/** A run that is seen to hold less than this is left alone while that may be all: its end would free nothing. */
const LEAST_BYTES = 1024 ** 2;
/** A disk nobody found low for so long has had enough meanwhile. */
const RELIEF_MS = 5_000;
/** So long the choice waits for measurements that large trees take time for. */
const PATIENCE_MS = 5_000;
/** So long a shortage that no run explains may pass by itself, after it began and after each run that was ended for it. */
const UNEXPLAINED_MS = 10_000;

/** A guard over no run yet. */
export function createDiskGuard(): DiskGuard {
  const held = new Map<string, { readonly bytes: number; readonly measuredAt: number }>();
  let chosen: { readonly runId: string; readonly why: Choice } | null = null;
  let low = { since: -Infinity, seenAt: -Infinity };
  let unexplainedSince: number | null = null;
  /** What was measured before the disk ran low may be the reason why it did. */
  const isKnown = (at: number, but: string): boolean =>
    at - low.since > PATIENCE_MS ||
    [...held].every(([runId, { measuredAt }]) => runId === but || measuredAt >= low.since);
  return {
    use(runId, bytes, at) {
      held.set(runId, { bytes, measuredAt: at });
    },
    choiceOf(runId, at) {
      if (chosen !== null) return chosen.runId === runId ? chosen.why : null;
      const isNew = at - low.seenAt > RELIEF_MS;
      low = { since: isNew ? at : low.since, seenAt: at };
      const most = Math.max(...[...held.values()].map(({ bytes }) => bytes));
      if (isNew || most >= LEAST_BYTES) unexplainedSince = null;
      unexplainedSince ??= at;
      const why = most >= LEAST_BYTES ? 'holds_most' : 'came_last';
      const isIt =
        why === 'holds_most'
          ? held.get(runId)?.bytes === most && isKnown(at, runId)
          : [...held.keys()].at(-1) === runId && at - unexplainedSince >= UNEXPLAINED_MS;
      if (!isIt) return null;
      chosen = { runId, why };
      return why;
    },
    leave(runId) {
      held.delete(runId);
      if (chosen?.runId !== runId) return;
      chosen = null;
      // What it held unseen is free by now, or the next is no more to blame than it was.
      unexplainedSince = null;
    },
  };
}
