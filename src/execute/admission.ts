/** Who may run now and who waits, as promises around the state machine of turns. Knows runs only by their stop source. */
import { RuntimeError } from '../errors.js';
import type { StopSource } from './stop.js';
import { type Applicant, createTurns, type Load, type Refusal, type TurnLimits } from './turns.js';

/** Gives back a place; calling it again does nothing. */
export type Release = () => void;

/** Places for runs. */
export interface Admission {
  /**
   * Resolves with a place when it is the run's turn and it fits; rejects with the stop's cause when the run is stopped while it waits. `first`:
   * a run that had its turn already and asks for another amount.
   *
   * @throws `runtime.queue_full` when as many runs wait as may; `runtime.over_budget` when it could never fit; what asking for the budget throws.
   */
  admit(stop: StopSource, applicant: Applicant, place?: 'last' | 'first'): Promise<Release>;
  readonly running: number;
  /** The bounded ones. */
  readonly waiting: number;
  /** Whether one more bounded run would be refused, however small. */
  readonly isFull: boolean;
  readonly isPaused: boolean;
  /** As of now. */
  load(): Load;
  /** From now on nobody is let in; who waits goes on waiting. */
  pause(): void;
  /** Lets in again those whose turn it is. */
  resume(): void;
}

/** An admission within limits. `learnBudget` is called for whoever comes while the budget is not known; where it fails, that run gets no place. */
export function createAdmission(
  limits: TurnLimits,
  learnBudget: () => Promise<void> = async () => Promise.resolve(),
): Admission {
  const turns = createTurns(limits);
  const entrances = new Map<Applicant, () => void>();
  let isPaused = false;

  const letIn = (): void => {
    for (let next = turns.take(); next !== null; next = turns.take()) entrances.get(next)?.();
  };
  const setPaused = (next: boolean): void => {
    isPaused = next;
    turns.setOpen(!next);
    letIn();
  };

  return {
    get running() {
      return turns.running;
    },
    get waiting() {
      return turns.queued;
    },
    get isFull() {
      return turns.isFull;
    },
    get isPaused() {
      return isPaused;
    },
    load: () => turns.load(),
    pause() {
      setPaused(true);
    },
    resume() {
      setPaused(false);
    },
    async admit(stop, { key, demand, queueing }, place = 'last') {
      stop.signal.throwIfAborted();
      // A copy of its own: the same applicant may ask twice.
      const applicant: Applicant = { key, demand, queueing };
      const refusal = turns.offer(applicant, place);
      if (refusal !== null) throw toError(refusal);
      const release = (): void => {
        turns.remove(applicant);
        letIn();
      };
      return new Promise<Release>((resolve, reject) => {
        const leave = (reason: unknown): void => {
          if (!entrances.delete(applicant)) return;
          stop.signal.removeEventListener('abort', onStop);
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the reason of a stop is its cause
          reject(reason);
          // The next may fit where this one did not.
          release();
        };
        const onStop = (): void => {
          leave(stop.signal.reason);
        };
        entrances.set(applicant, () => {
          entrances.delete(applicant);
          stop.signal.removeEventListener('abort', onStop);
          resolve(release);
        });
        stop.signal.addEventListener('abort', onStop, { once: true });
        letIn();
        if (limits.budget() !== null) return;
        learnBudget().then(() => {
          const late = turns.neverFits(applicant);
          if (late !== null) leave(toError(late));
          letIn();
        }, leave);
      });
    },
  };
}

const UNITS = { nanoCpus: 'cpus', memoryBytes: 'memoryBytes', workspaceBytes: 'workspaceBytes' } as const;

function toError(refusal: Refusal): RuntimeError {
  const { key } = refusal;
  const whose = key === null ? '' : ` of the concurrencyKey "${key}"`;
  const details = { concurrencyKey: key };
  if (refusal.why === 'queue_full') {
    const { running, queued } = refusal;
    return new RuntimeError(
      'runtime.queue_full',
      `${String(running)} runs${whose} are running and ${String(queued)} are waiting; no more are taken`,
      {
        hint:
          key === null
            ? 'try again later, or raise maxConcurrentRuns or maxQueuedRuns'
            : 'try again later, or raise concurrencyKeys.maxRunning or maxQueued',
        details,
      },
    );
  }
  const unit = UNITS[refusal.what];
  const inUnit = (amount: number): number => (unit === 'cpus' ? amount / 1e9 : amount);
  const asked = inUnit(refusal.asked);
  const most = inUnit(refusal.most);
  const overall = unit === 'workspaceBytes' ? 'workspace.maxTotalBytes' : `budget.${unit}`;
  const setting = key === null ? overall : `concurrencyKeys.${unit}`;
  return new RuntimeError(
    'runtime.over_budget',
    `the run takes ${unit} ${String(asked)}, more than the ${String(most)} there are for all runs${whose} together (${setting})`,
    {
      hint: `ask for at most ${String(most)}`,
      details: { ...details, limit: setting, asked, allowed: most },
    },
  );
}
