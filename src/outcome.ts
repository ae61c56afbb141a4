/** The terminal state of a run as data: its result, or the error that kept it from having one. */
import type { ErrorKind } from './error-codes.js';
import type { Issue } from './errors.js';
import type { RunResult } from './result.js';

/** An error as data. */
export interface ErrorRecord {
  readonly name: string;
  readonly kind: ErrorKind;
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly issues?: readonly Issue[] | undefined;
}

/** The terminal state of a run: a result, or the error that kept it from having one. */
export type RunOutcome =
  | { readonly outcome: 'result'; readonly result: RunResult }
  | { readonly outcome: 'error'; readonly error: ErrorRecord };

/** Whether an idempotency key goes on standing for a run that ended so: who asks again for what may be tried again gets another run. */
export function keepsKey(end: RunOutcome): boolean {
  return end.outcome === 'result' && !end.result.retryable;
}
