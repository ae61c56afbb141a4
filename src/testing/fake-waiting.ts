/** Waiting that heeds a signal, for the fake engine's calls. */

/** Never settles, but rejects when the signal is aborted. */
export async function hang(signal: AbortSignal | undefined): Promise<never> {
  return raceAbort(new Promise<never>(() => undefined), signal);
}

/** Settles as the work does, or rejects with the signal's reason when it is aborted first. */
export async function raceAbort<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- an abort reason may be any value, as in the platform
      reject(signal.reason);
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort);
    });
  });
}
