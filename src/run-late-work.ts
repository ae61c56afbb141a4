/**
 * What runs that are over still owe, and their callers were told of: ends that a store could not take when they came, containers that the engine had not
 * made yet. Tried again later, in the end when the runtime closes.
 */

/** Work that is owed. */
export interface LateWork {
  /** Tries it again later and later, until it succeeds or there have been too many tries. */
  add(work: () => Promise<unknown>): void;
  /** Tries what is still owed once more, now, and nothing after that. Never rejects. */
  settle(): Promise<void>;
}

/** How long after each other it is tried again. */
const LATER_MS = [1_000, 10_000, 60_000, 600_000] as const;

/** Nothing is owed yet. */
export function createLateWork(): LateWork {
  const owed = new Set<() => Promise<unknown>>();
  const attempt = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
      owed.delete(work);
    } catch {
      // Until an end is written its run is open for everybody, and its key taken.
    }
  };
  const tryLater = async (work: () => Promise<unknown>): Promise<void> => {
    for (const waitMs of LATER_MS) {
      // What was told already keeps no process alive.
      await new Promise<void>((resolve) => void setTimeout(resolve, waitMs).unref());
      if (!owed.has(work)) return;
      await attempt(work);
    }
    owed.delete(work);
  };
  return {
    add(work) {
      owed.add(work);
      void tryLater(work);
    },
    async settle() {
      const left = [...owed];
      await Promise.all(left.map(attempt));
      owed.clear();
    },
  };
}
