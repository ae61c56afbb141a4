/** Chooses which run makes room when the disk runs low while jobs run: one at a time, the one that holds most. It looks at no disk. */

/** What the runs of a runtime share. */
export interface DiskGuard {
  /** A run's workspace takes so much. */
  use(runId: string, bytes: number): void;
  /** Whether this run is the one to end, now that the disk is low. */
  isChosen(runId: string): boolean;
  /** Whatever the run held is gone, or is kept on purpose. */
  leave(runId: string): void;
}

/** A run that holds less than this is left alone: its end would free nothing. */
const LEAST_BYTES = 1024 ** 2;

/** A guard over no run yet. */
export function createDiskGuard(): DiskGuard {
  const held = new Map<string, number>();
  let chosen: string | null = null;
  return {
    use(runId, bytes) {
      held.set(runId, bytes);
    },
    isChosen(runId) {
      if (chosen !== null) return chosen === runId;
      const bytes = held.get(runId) ?? 0;
      if (bytes < LEAST_BYTES || [...held.values()].some((other) => other > bytes)) return false;
      chosen = runId;
      return true;
    },
    leave(runId) {
      held.delete(runId);
      if (chosen === runId) chosen = null;
    },
  };
}
