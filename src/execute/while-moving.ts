/** Work that is given up when nothing is heard of it for too long. It knows no work, and no error of its own. */
import { abortable } from '../host/chunks.js';

/** How long may pass without a word, and what it ends with then. */
export interface IdleLimit {
  readonly idleMs: number;
  readonly signal: AbortSignal;
  readonly onIdle: () => Error;
}

/**
 * Runs work that says by `moved` that it goes on. Settles with it, or as soon as time or signal end it: an engine may ignore its signal.
 *
 * @throws what `onIdle` gives, or the signal's reason.
 */
export async function whileMoving<T>(
  { idleMs, signal, onIdle }: IdleLimit,
  work: (signal: AbortSignal, moved: () => void) => Promise<T>,
): Promise<T> {
  const idle = new AbortController();
  const timer = setTimeout(() => {
    idle.abort(onIdle());
  }, idleMs);
  const either = AbortSignal.any([signal, idle.signal]);
  try {
    return await abortable(
      work(either, () => timer.refresh()),
      either,
    );
  } finally {
    clearTimeout(timer);
  }
}
