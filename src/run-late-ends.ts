/** Ends of runs that a store could not take when they came: tried again, in the end when the runtime closes. Its callers were told when it failed first. */

/** Ends that are owed to a store. */
export interface LateEnds {
  /** Tries the work again later and later, until it succeeds or there have been too many tries. */
  add(write: () => Promise<unknown>): void;
  /** Tries what is still owed once more, now, and nothing after that. Never rejects. */
  settle(): Promise<void>;
}

/** How long after each other an end is tried again. */
const LATER_MS = [1_000, 10_000, 60_000, 600_000] as const;

/** Nothing is owed yet. */
export function createLateEnds(): LateEnds {
  const owed = new Set<() => Promise<unknown>>();
  const attempt = async (write: () => Promise<unknown>): Promise<void> => {
    try {
      await write();
      owed.delete(write);
    } catch {
      // Until it is written the run is open for everybody, and its key taken.
    }
  };
  const tryLater = async (write: () => Promise<unknown>): Promise<void> => {
    for (const waitMs of LATER_MS) {
      // What was told already keeps no process alive.
      await new Promise<void>((resolve) => void setTimeout(resolve, waitMs).unref());
      if (!owed.has(write)) return;
      await attempt(write);
    }
    owed.delete(write);
  };
  return {
    add(write) {
      owed.add(write);
      void tryLater(write);
    },
    async settle() {
      const left = [...owed];
      await Promise.all(left.map(attempt));
      owed.clear();
    },
  };
}
