/** Chooses which run makes room when the disk runs low while jobs run: one at a time, the one that holds most. It looks at no disk and no clock. */

/** What the runs of a runtime share. Times are milliseconds of one monotonic clock. */
export interface DiskGuard {
  /** A run's workspace was measured, and takes so much. */
  use(runId: string, bytes: number, at: number): void;
  /** Whether this run is the one to end, now that the disk is low. */
  isChosen(runId: string, at: number): boolean;
  /** Whatever the run held is gone, or is kept on purpose. */
  leave(runId: string): void;
}

/** A run that holds less than this is left alone: its end would free nothing. */
const LEAST_BYTES = 1024 ** 2;
/** A disk nobody found low for so long has had enough meanwhile. */
const RELIEF_MS = 5_000;
/** So long the choice waits for measurements that large trees take time for. */
const PATIENCE_MS = 5_000;

/** A guard over no run yet. */
export function createDiskGuard(): DiskGuard {
  const held = new Map<string, { readonly bytes: number; readonly measuredAt: number }>();
  let chosen: string | null = null;
  let low = { since: -Infinity, seenAt: -Infinity };
  /** What was measured before the disk ran low may be the reason why it did. */
  const isKnown = (at: number, but: string): boolean =>
    at - low.since > PATIENCE_MS ||
    [...held].every(([runId, { measuredAt }]) => runId === but || measuredAt >= low.since);
  return {
    use(runId, bytes, at) {
      held.set(runId, { bytes, measuredAt: at });
    },
    isChosen(runId, at) {
      if (chosen !== null) return chosen === runId;
      low = { since: at - low.seenAt > RELIEF_MS ? at : low.since, seenAt: at };
      const bytes = held.get(runId)?.bytes ?? 0;
      if (bytes < LEAST_BYTES || !isKnown(at, runId)) return false;
      if ([...held.values()].some((other) => other.bytes > bytes)) return false;
      chosen = runId;
      return true;
    },
    leave(runId) {
      held.delete(runId);
      if (chosen === runId) chosen = null;
    },
  };
}
