/** What a run has to undo, undone in reverse order whatever happened, each step bounded and on a signal of its own. */
import { withDeadline } from './execute/deadline.js';

/** One thing to undo. */
interface CleanupStep {
  readonly what: 'container' | 'workspace' | 'secret' | 'outputs';
  readonly undo: (signal: AbortSignal) => Promise<void>;
}

/** A stack of things to undo. */
export interface Cleanup {
  add(what: CleanupStep['what'], undo: CleanupStep['undo']): void;
  /** Undone before all that was added otherwise, also what is added later. */
  addFirst(what: CleanupStep['what'], undo: CleanupStep['undo']): void;
  /** Undoes everything once; a failure is reported and does not keep the rest from being undone. */
  run(onError: (what: CleanupStep['what'], error: unknown) => void): Promise<void>;
}

const STEP_MS = 60_000;

/** An empty stack. */
export function createCleanup(): Cleanup {
  const steps: CleanupStep[] = [];
  const first: CleanupStep[] = [];
  const next = (): CleanupStep | undefined => first.pop() ?? steps.pop();
  return {
    add(what, undo) {
      steps.push({ what, undo });
    },
    addFirst(what, undo) {
      first.push({ what, undo });
    },
    async run(onError) {
      for (let step = next(); step !== undefined; step = next()) {
        const { what, undo } = step;
        const onTimeout = (): Error => new Error(`not done within ${String(STEP_MS)} ms`);
        try {
          await withDeadline({ timeoutMs: STEP_MS, onTimeout }, undo);
        } catch (error) {
          onError(what, error);
        }
      }
    },
  };
}
