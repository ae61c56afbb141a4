/** Whether an owner is dead: by what the kernel says of its process, and where it can say nothing, by its lease. It touches nothing. */
import { bootOf, type OwnerState, ownerState } from '../host/process-identity.js';
import type { OwnerLease } from '../run-store/types.js';

/** Judges an owner, as in the label `owner`. */
export type OwnerJudge = (owner: string) => OwnerState;

/** What leases are judged by. */
export interface LeaseWatchOptions {
  /** This process, as in the label `owner`. */
  readonly self: string;
  /** Of this process's own lease. */
  readonly machine: string | null;
  /** How long a lease may go without a renewal before its owner counts as dead; null: for ever. */
  readonly leaseExpiryMs: number | null;
  /** Milliseconds on a clock that never jumps. */
  readonly monotonic: () => number;
}

/** Remembers when each lease was last seen renewed. */
export interface LeaseWatch {
  /** Looks at the leases there are, and judges by all that was seen so far. */
  look(leases: readonly OwnerLease[]): OwnerJudge;
}

/** A watch that has seen nothing yet. */
export function createLeaseWatch(options: LeaseWatchOptions): LeaseWatch {
  const { self, machine, leaseExpiryMs, monotonic } = options;
  let seen: ReadonlyMap<string, { readonly renewals: number; readonly sinceMs: number }> = new Map();

  /** Null where the lease proves nothing. */
  const deathOf = (owner: string, lease: OwnerLease, nowMs: number): OwnerState | null => {
    const [theirBoot, ourBoot] = [bootOf(owner), bootOf(self)];
    const isThisMachine = machine !== null && lease.machine === machine;
    if (isThisMachine && theirBoot !== null && ourBoot !== null && theirBoot !== ourBoot) {
      return { state: 'dead', proof: 'this machine was restarted since its owner ran on it' };
    }
    const sinceMs = seen.get(owner)?.sinceMs ?? nowMs;
    if (leaseExpiryMs === null || nowMs - sinceMs < leaseExpiryMs) return null;
    const silentMs = Math.floor(nowMs - sinceMs);
    const proof = `its owner has not renewed its lease for ${String(silentMs)} ms, last at ${lease.renewedAt}`;
    return { state: 'dead', proof, isPresumed: true };
  };

  return {
    look(leases) {
      const nowMs = monotonic();
      seen = new Map(
        leases.map(({ owner, renewals }) => {
          const before = seen.get(owner);
          return [owner, before?.renewals === renewals ? before : { renewals, sinceMs: nowMs }];
        }),
      );
      const byOwner = new Map(leases.map((lease) => [lease.owner, lease]));
      return (owner) => {
        const state = ownerState(owner, self);
        const lease = byOwner.get(owner);
        if (state.state !== 'unknown' || lease === undefined) return state;
        return deathOf(owner, lease, nowMs) ?? state;
      };
    },
  };
}
