/** This process's lease in the run store: there before anything is made, renewed while the runtime lives. It judges no other's. */
import type { RunStore } from '../run-store/types.js';

/** What a lease is made of. */
export interface OwnerLeaseOptions {
  readonly store: RunStore;
  readonly instance: string;
  readonly owner: string;
  readonly machine: string | null;
  readonly everyMs: number;
  /** ISO time of now. */
  readonly timestamp: () => string;
}

/** The lease of one process. */
export interface HeldLease {
  /**
   * Resolves when the store has it; the first call writes it, and from then on it is renewed. Rejects with what the store rejects, and the next
   * call tries again.
   */
  ensure(): Promise<void>;
  /** Renews it no more. */
  stop(): void;
}

/** A lease that is not in the store yet. */
export function holdLease({ store, everyMs, timestamp, ...facts }: OwnerLeaseOptions): HeldLease {
  let renewals = 0;
  let first: Promise<void> | null = null;
  let timer: NodeJS.Timeout | null = null;
  let isStopped = false;
  const renew = async (): Promise<void> => {
    renewals += 1;
    await store.renewLease({ ...facts, renewals, renewedAt: timestamp() });
  };
  const begin = async (): Promise<void> => {
    await renew();
    if (isStopped) return;
    // A renewal that fails is made up for by the next one; an idle runtime does not keep the process alive.
    timer ??= setInterval(() => void renew().catch(() => undefined), everyMs).unref();
  };
  return {
    async ensure() {
      first ??= begin();
      try {
        await first;
      } catch (error) {
        first = null;
        throw error;
      }
    },
    stop() {
      isStopped = true;
      if (timer !== null) clearInterval(timer);
    },
  };
}
