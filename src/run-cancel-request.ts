/** Somebody's request that a run is to end, as the cause of its end. Pure. */
import type { StopCause } from './execute/stop.js';
import type { CancelRequest } from './run-store/types.js';

/** The longest reason, in characters. */
export const MAX_REASON_CHARS = 500;
/** The longest name of who asks, in characters. */
export const MAX_BY_CHARS = 200;

/** Bounded again: a store holds what anybody wrote who may write there. */
export function cancelCause({ by, reason }: Pick<CancelRequest, 'by' | 'reason'>): StopCause {
  const message = `asked for by ${by.slice(0, MAX_BY_CHARS)}: ${reason.slice(0, MAX_REASON_CHARS)}`;
  return { reason: 'cancelled', by: 'caller', message };
}
