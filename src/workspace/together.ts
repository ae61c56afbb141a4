/** Runs tasks side by side; the first failure stops the rest. It knows nothing of what they do. */

import { lazy } from '../base/lazy.js';

/** Loaded when something is to be run: an import of berthkit does not pay for it. */
const loadLimit = lazy(async () => import('p-limit'));

/** How tasks run. */
export interface TogetherOptions {
  readonly concurrency: number;
  readonly signal: AbortSignal;
}

/**
 * Runs every task and gives what they came to, in their order. When one fails or the signal is aborted, the others' signal is aborted and
 * those waiting never start; this rejects with the first failure once all have settled, so that nothing works on behind the caller's back.
 */
export async function runTogether<T>(
  tasks: readonly ((signal: AbortSignal) => Promise<T>)[],
  options: TogetherOptions,
): Promise<T[]> {
  const controller = new AbortController();
  const signal = AbortSignal.any([options.signal, controller.signal]);
  const { default: pLimit } = await loadLimit();
  const limit = pLimit(Math.max(1, options.concurrency));
  let failure: { readonly error: unknown } | null = null;
  const run = async (task: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    try {
      signal.throwIfAborted();
      return await task(signal);
    } catch (error) {
      failure ??= { error };
      controller.abort(error);
      throw error;
    }
  };
  const settled = await Promise.allSettled(tasks.map((task) => limit(run, task)));
  const results: T[] = [];
  for (const result of settled) {
    if (result.status === 'fulfilled') results.push(result.value);
  }
  rethrow(failure);
  return results;
}

function rethrow(failure: { readonly error: unknown } | null): void {
  if (failure !== null) throw failure.error;
}
