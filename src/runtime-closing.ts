/** How a runtime ends: what waits at once, what runs within the time it is given, and then everything is let go. */
import { LONGEST_TIMER_MS } from './base/longest-timer.js';
import type { StopCause } from './execute/stop.js';
import type { RuntimeRuns } from './runtime-runs.js';

/** The end of one runtime. */
export interface Closing<T> {
  /** From the first call of `close` on. */
  readonly hasBegun: boolean;
  /** Resolves when all is over. A later call may cut the time short, never lengthen it. */
  close(drainMs: number): Promise<T>;
}

/** Why the runs of a runtime that closes end. */
export const CLOSING: StopCause = { reason: 'runtime_shutdown', by: 'caller', message: 'the runtime closed' };

/** What else is let end in the time there is, and is stopped after it. */
export interface OtherWork {
  stop(): void;
  /** Resolves when what is under way now has ended. */
  settled(): Promise<void>;
}

/** `letGo` is called once, when no run and nothing else is left; what it gives is what every call of `close` gives. */
export function createClosing<T>(runs: RuntimeRuns, others: OtherWork, letGo: () => Promise<T>): Closing<T> {
  let done: Promise<T> | null = null;
  let isEmpty = false;
  const timers = new Set<NodeJS.Timeout>();

  const finish = async (): Promise<T> => {
    await Promise.all([runs.settled(), others.settled()]);
    isEmpty = true;
    for (const timer of timers) clearTimeout(timer);
    return letGo();
  };
  const stopRunning = (): void => {
    void runs.stop({}, CLOSING);
    others.stop();
  };

  return {
    get hasBegun() {
      return done !== null;
    },
    async close(drainMs) {
      done ??= finish();
      if (isEmpty) return done;
      // What has not begun is not begun in a time that is running out; its caller may try it elsewhere.
      void runs.stop({ state: 'queued' }, CLOSING);
      if (drainMs > 0) timers.add(setTimeout(stopRunning, Math.min(drainMs, LONGEST_TIMER_MS)));
      else stopRunning();
      return done;
    },
  };
}
