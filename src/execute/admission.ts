/** Who may run now and who waits: a bounded first-in-first-out queue. Knows runs only by their stop source. */
import { RuntimeError } from '../errors.js';
import type { StopSource } from './stop.js';

/** Gives back a place; calling it again does nothing. */
export type Release = () => void;

/**
 * How a run waits. `bounded`: it counts as one of those that may wait, and is refused when there are too many. `patient`: whoever asks sees
 * to it that few of its runs wait at a time, so this one counts for nothing and is never refused.
 */
export type Queueing = 'bounded' | 'patient';

/** Places for runs. */
export interface Admission {
  /**
   * Resolves with a place, in the order of calls; rejects with the stop's cause when the run is stopped while it waits.
   *
   * @throws `runtime.queue_full` when as many runs wait as may.
   */
  admit(stop: StopSource, queueing: Queueing): Promise<Release>;
  readonly running: number;
  /** The bounded ones. */
  readonly waiting: number;
  /** Whether one more bounded run would be refused. */
  readonly isFull: boolean;
  readonly isPaused: boolean;
  /** From now on nobody is let in; who waits goes on waiting. */
  pause(): void;
  /** Lets in again, first who waits. */
  resume(): void;
}

/** An admission for `maxRunning` runs at one time and `maxWaiting` in the queue. */
export function createAdmission(maxRunning: number, maxWaiting: number): Admission {
  let running = 0;
  let isPaused = false;
  const queue = new Map<() => void, Queueing>();

  const waiting = (): number => [...queue.values()].filter((queueing) => queueing === 'bounded').length;
  const isFree = (): boolean => !isPaused && running < maxRunning;
  const isFull = (): boolean => (!isFree() || queue.size > 0) && waiting() >= maxWaiting;
  const letIn = (): void => {
    for (const [next] of queue) {
      if (!isFree()) return;
      next();
    }
  };

  const occupy = (): Release => {
    running += 1;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      running -= 1;
      letIn();
    };
  };

  return {
    get running() {
      return running;
    },
    get waiting() {
      return waiting();
    },
    get isFull() {
      return isFull();
    },
    get isPaused() {
      return isPaused;
    },
    pause() {
      isPaused = true;
    },
    resume() {
      isPaused = false;
      letIn();
    },
    async admit(stop, queueing) {
      stop.signal.throwIfAborted();
      if (isFree() && queue.size === 0) return occupy();
      if (queueing === 'bounded' && isFull()) {
        throw new RuntimeError(
          'runtime.queue_full',
          `${String(running)} runs are running and ${String(waiting())} are waiting; no more are taken`,
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
        queue.set(enter, queueing);
        stop.signal.addEventListener('abort', leave, { once: true });
      });
    },
  };
}
