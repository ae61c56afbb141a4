/** How far each run of a scene is, and which of its aims have struck. It strikes nothing. */
import type { RunStepName } from 'berthkit';
import type { FaultName } from './faults.js';
import type { Recorder } from './history.js';
import type { Aim, PlannedRun } from './scene.js';

/** The runs of a scene as they go. */
export interface Progress {
  readonly runs: readonly PlannedRun[];
  /** A run has written down a step. */
  reach(runId: string, step: RunStepName): void;
  /** A run has its end. */
  end(runId: string): void;
  hasEnded(runId: string): boolean;
  /** The last step a run has written down; null before the first one. */
  stepOf(runId: string): RunStepName | null;
  /** When it did, or when it ended; when all began, before the first one. On the monotonic clock. */
  movedAt(runId: string): number;
  /** The first aim of a run at its present step that has not struck and is meant; from now on it has, and is recorded. */
  takeAim(runId: string, isMeant: (aim: Aim) => boolean): Aim | null;
  /** A fault strikes every run that is under way. */
  strikeAll(fault: FaultName): void;
}

/** Runs of which none has begun. */
export function createProgress(runs: readonly PlannedRun[], record: Recorder): Progress {
  const steps = new Map<string, RunStepName>();
  const moved = new Map<string, number>();
  const begunAt = performance.now();
  const ended = new Set<string>();
  const struck = new Set<Aim>();
  return {
    runs,
    reach(runId, step) {
      steps.set(runId, step);
      moved.set(runId, performance.now());
    },
    end(runId) {
      ended.add(runId);
      moved.set(runId, performance.now());
    },
    hasEnded: (runId) => ended.has(runId),
    stepOf: (runId) => steps.get(runId) ?? null,
    movedAt: (runId) => moved.get(runId) ?? begunAt,
    takeAim(runId, isMeant) {
      const step = steps.get(runId);
      const run = runs.find((each) => each.runId === runId);
      const aim = run?.aims.find((each) => each.step === step && !struck.has(each) && isMeant(each));
      if (aim === undefined) return null;
      struck.add(aim);
      record({ kind: 'struck', fault: aim.fault, step: aim.step, runId });
      return aim;
    },
    strikeAll(fault) {
      for (const { runId } of runs) {
        const step = steps.get(runId);
        if (step !== undefined && !ended.has(runId)) record({ kind: 'struck', fault, step, runId });
      }
    },
  };
}
