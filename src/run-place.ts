/** A run's place among those that run: given back once, and made larger for what turns out only when the run has it. It decides no turn. */
import type { Release } from './execute/admission.js';
import { createStopSource, type StopSource } from './execute/stop.js';
import type { Applicant, Demand } from './execute/turns.js';
import type { InputReport } from './result.js';
import type { Run } from './run-context.js';

/** The place of one run. */
export interface Place {
  /** Gives it back, and waits for no other; calling it again does nothing. */
  readonly release: Release;
  /**
   * Has inputs count besides what the workspace may hold. A place that was given without them is given back, and the run waits for one that has room for both, before all
   * others: what waits has staged nothing yet.
   *
   * @throws `runtime.over_budget` where there could never be room; the signal's reason.
   */
  readonly makeRoom: (sizeBytes: number, signal: AbortSignal) => Promise<void>;
}

/** What a run takes with its inputs; they count only where there is a total, for else nothing is held against it. */
export function withInputs({ config }: Run, demand: Demand, sizeBytes: number): Demand {
  if (config.workspace.maxTotalBytes === null) return demand;
  return { ...demand, workspaceBytes: demand.workspaceBytes + sizeBytes };
}

/** What staged inputs hold together. */
export function bytesOfInputs(inputs: readonly InputReport[]): number {
  return inputs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** The place a run was given for what it asked for. */
export function createPlace(run: Run, applicant: Applicant, given: Release): Place {
  let release = given;
  let waiting: StopSource | null = null;
  let isOver = false;
  const stopWaiting = (): void => {
    waiting?.stop({ reason: 'cancelled', by: 'caller', message: 'the run waits for no place any more' });
  };
  return {
    release() {
      isOver = true;
      stopWaiting();
      release();
    },
    async makeRoom(sizeBytes, signal) {
      const demand = withInputs(run, applicant.demand, sizeBytes);
      if (demand.workspaceBytes === applicant.demand.workspaceBytes) return;
      signal.throwIfAborted();
      waiting = createStopSource(run.timestamp);
      signal.addEventListener('abort', stopWaiting, { once: true });
      const next = run.admission.admit(waiting, { ...applicant, demand }, 'first');
      next.catch(() => undefined);
      // Not before: nobody is to come between.
      release();
      try {
        release = await next;
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      } finally {
        signal.removeEventListener('abort', stopWaiting);
      }
      // Since it began to wait.
      if (isOver) release();
    },
  };
}
