/** A limit of time as a signal, for work that watches one. It bounds nothing that does not. */

/**
 * Runs work with a signal that is aborted after so long, and leaves no timer behind, as `AbortSignal.timeout` does: its timers stay until they fire, or
 * until they are collected.
 */
export async function withinTime<T>(
  milliseconds: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const timer = setTimeout(() => {
    limit.abort(new DOMException('The time is over', 'TimeoutError'));
  }, milliseconds);
  timer.unref();
  try {
    return await work(limit.signal);
  } finally {
    clearTimeout(timer);
  }
}
