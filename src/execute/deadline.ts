/** Bounds one piece of work by a deadline and a signal, also when the work ignores both. */

/** What bounds a piece of work. */
export interface DeadlineOptions {
  readonly timeoutMs: number;
  /** Ends the work early; the rejection is the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** The error to reject with when the time is over. */
  readonly onTimeout: () => Error;
}

/**
 * Runs `work` with a signal that is aborted at the deadline or by the caller's signal, and settles then even if the work does not. What an
 * abandoned work comes to later is ignored.
 */
export async function withDeadline<T>(
  options: DeadlineOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  options.signal?.throwIfAborted();
  const controller = new AbortController();
  return new Promise<T>((resolve, reject) => {
    const end = (reason: unknown): void => {
      settled();
      controller.abort(reason);
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- an abort reason may be any value, as in the platform
      reject(reason);
    };
    const settled = (): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
    };
    const onAbort = (): void => {
      end(options.signal?.reason);
    };
    // Timers beyond 2^31-1 ms fire at once; the longest deadline a configuration allows is far below.
    const timer = setTimeout(() => {
      end(options.onTimeout());
    }, options.timeoutMs);
    options.signal?.addEventListener('abort', onAbort, { once: true });
    Promise.resolve()
      .then(() => work(controller.signal))
      .then(resolve, reject)
      .finally(settled);
  });
}

/** Resolves after a while, or at once when the signal is aborted; never rejects. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** Settles as the work does, or with null after a while; what the work comes to later is ignored. */
export async function within<T>(milliseconds: number, work: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, milliseconds, null);
  });
  try {
    return await Promise.race([work, timeUp]);
  } finally {
    clearTimeout(timer);
  }
}

/** Why calls and pauses are broken off that nobody waits for any more. One for all: an error made for each costs its stack. */
export const NO_LONGER_WANTED = new DOMException('no longer waited for', 'AbortError');

/** Resolves once one of the signals is aborted. */
export async function aborted(...signals: readonly AbortSignal[]): Promise<void> {
  if (signals.some((signal) => signal.aborted)) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      for (const signal of signals) signal.removeEventListener('abort', end);
      resolve();
    };
    for (const signal of signals) signal.addEventListener('abort', end);
  });
}
