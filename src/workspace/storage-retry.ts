/** Tries a call to a storage again when that may help. What it is and whether it was done is its caller's affair. */
import { JobRuntimeError } from '../errors.js';

/** How calls are tried again. */
export interface RetryOptions {
  /** Bounds all tries together. */
  readonly signal: AbortSignal;
  /** Waits; resolves early when the signal is aborted. */
  readonly pause: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** Before the second and the third try. Adapters know their services better and may well try more often themselves. */
const DELAYS_MS = [200, 1_000] as const;

/**
 * Calls until it succeeds, up to three times. Only `storage.*` errors that are retryable are tried again: not what exists, not what is
 * missing, and no error of ours on the way.
 *
 * @throws what the last try threw; the signal's reason.
 */
export async function withRetries<T>(options: RetryOptions, call: (tries: number) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    options.signal.throwIfAborted();
    try {
      return await call(tries);
    } catch (error) {
      const delayMs = DELAYS_MS[tries - 1];
      if (delayMs === undefined || options.signal.aborted || !mayPass(error)) throw error;
      await options.pause(delayMs, options.signal);
    }
  }
}

function mayPass(error: unknown): boolean {
  return JobRuntimeError.isInstance(error) && error.kind === 'storage' && error.retryable;
}
