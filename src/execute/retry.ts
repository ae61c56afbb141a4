/** Whether an end is tried again, and after how long: pure, so that every row can be tested as a table. */
import type { AnyJobRuntimeError } from '../errors.js';
import type { PlannedRetry } from '../plan/run-plan.js';
import type { RunResult } from '../result.js';

/** What one attempt came to. */
export type AttemptOutcome =
  | { readonly outcome: 'result'; readonly result: RunResult }
  | { readonly outcome: 'error'; readonly error: AnyJobRuntimeError };

/**
 * Whether another attempt may come to another end. An error is tried again only if it is `retryable`; not if the job had already run to its
 * end, which would run it twice for a failed upload, and not what the runtime itself refuses: nobody queues for a queue that is full.
 */
export function isTriedAgain(attempt: AttemptOutcome, { on }: PlannedRetry): boolean {
  if (attempt.outcome === 'result') {
    const { category, reason } = attempt.result;
    return (
      category !== null && category !== 'caller' && reason !== 'runtime_shutdown' && on.includes(category)
    );
  }
  const { retryable, kind, category, result } = attempt.error;
  if (!retryable || kind === 'runtime' || result !== undefined) return false;
  return on.includes('infrastructure') || (category !== 'caller' && on.includes(category));
}

/** The pause after so many failed attempts, in whole milliseconds. `random` gives numbers from 0 up to, but not, 1. */
export function retryDelayMs(retry: PlannedRetry, failedAttempts: number, random: () => number): number {
  const { backoff, jitter, initialDelayMs, maxDelayMs } = retry;
  if (backoff === 'none') return 0;
  const growth = backoff === 'exponential' ? 2 ** (failedAttempts - 1) : 1;
  const delayMs = Math.min(initialDelayMs * growth, maxDelayMs);
  const certain = { none: 1, equal: 0.5, full: 0 }[jitter];
  return Math.round(delayMs * (certain + (1 - certain) * random()));
}
