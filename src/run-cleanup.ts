/** What a run has to undo, undone in reverse order whatever happened, each step bounded and on a signal of its own. */
import { JobRuntimeError } from './errors.js';
import { pause, withDeadline } from './execute/deadline.js';

/** One thing to undo. */
interface CleanupStep {
  readonly what: 'container' | 'workspace' | 'secret' | 'outputs';
  readonly undo: (signal: AbortSignal) => Promise<void>;
}

/** A stack of things to undo. */
export interface Cleanup {
  /** `undo` may be called again after it failed. */
  add(what: CleanupStep['what'], undo: CleanupStep['undo']): void;
  /** Undone before all that was added otherwise, also what is added later. */
  addFirst(what: CleanupStep['what'], undo: CleanupStep['undo']): void;
  /** Undoes everything once; a failure is reported and does not keep the rest from being undone. */
  run(onError: (what: CleanupStep['what'], error: unknown) => void): Promise<void>;
}

const STEP_MS = 60_000;

/** Between one try and the next, all within the time of the step: an engine that is restarted, or a host that is short of something, is soon back. */
const AGAIN_MS = [200, 1_000, 5_000, 15_000] as const;

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
          await withDeadline({ timeoutMs: STEP_MS, onTimeout }, async (signal) =>
            undoPersistently(undo, signal),
          );
        } catch (error) {
          onError(what, error);
        }
      }
    },
  };
}

async function undoPersistently(undo: CleanupStep['undo'], signal: AbortSignal): Promise<void> {
  for (const againMs of [...AGAIN_MS, null]) {
    try {
      await undo(signal);
      return;
    } catch (error) {
      if (againMs === null || signal.aborted || !mayPass(error)) throw error;
      await pause(againMs, signal);
    }
  }
}

/** Not what an engine refused: its own removal has tried that again already. */
function mayPass(error: unknown): boolean {
  if (!JobRuntimeError.isInstance(error)) return false;
  const isOfFiles = error.kind === 'workspace' || error.kind === 'secret';
  return error.code === 'engine.unreachable' || (isOfFiles && error.retryable);
}
