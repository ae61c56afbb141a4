/** Who may run now and who waits: a bounded first-in-first-out queue. Knows runs only by their stop source. */
import { RuntimeError } from '../errors.js';
import type { StopSource } from './stop.js';

/** Gives back a place; calling it again does nothing. */
export type Release = () => void;

/** Places for runs. */
export interface Admission {
  /**
   * Resolves with a place, in the order of calls; rejects with the stop's cause when the run is stopped while it waits.
   *
   * @throws `runtime.queue_full` when as many runs wait as may.
   */
  admit(stop: StopSource): Promise<Release>;
  readonly running: number;
  readonly waiting: number;
}

/** An admission for `maxRunning` runs at one time and `maxWaiting` in the queue. */
export function createAdmission(maxRunning: number, maxWaiting: number): Admission {
  let running = 0;
  const queue = new Set<() => void>();

  const occupy = (): Release => {
    running += 1;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      running -= 1;
      const [next] = queue;
      if (next !== undefined) next();
    };
  };

  return {
    get running() {
      return running;
    },
    get waiting() {
      return queue.size;
    },
    async admit(stop) {
      stop.signal.throwIfAborted();
      if (running < maxRunning && queue.size === 0) return occupy();
      if (queue.size >= maxWaiting) {
        throw new RuntimeError(
          'runtime.queue_full',
          `${String(running)} runs are running and ${String(queue.size)} are waiting; no more are taken`,
          { hint: 'try again later, or raise maxConcurrentRuns or maxQueuedRuns' },
        );
      }
      return new Promise<Release>((resolve, reject) => {
        const enter = (): void => {
          queue.delete(enter);
          stop.signal.removeEventListener('abort', leave);
          resolve(occupy());
        };
        const leave = (): void => {
          queue.delete(enter);
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the signal's reason is the stop's cause
          reject(stop.signal.reason);
        };
        queue.add(enter);
        stop.signal.addEventListener('abort', leave, { once: true });
      });
    },
  };
}
