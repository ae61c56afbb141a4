/** Of the first invariant: the end is the true one. Pure. */
import { askedRuns, endsOf, entriesOf, wordFor } from '../entries.js';
import type { FaultName } from '../faults.js';
import type { AskedRun, History } from '../history.js';
import type { Violation } from '../violation.js';

/** Whatever a run comes to, it comes to the same with these. */
const CHANGES_NOTHING: readonly FaultName[] = ['delay', 'one_byte', 'clock_forward', 'clock_back'];

/** Runs that nothing befell, and that ended in another way than their job does. */
export function checkTrueEnds(history: History): readonly Violation[] {
  if (entriesOf(history, 'process_died').length > 0) return [];
  return askedRuns(history)
    .filter((run) => run.comesTo !== null && !wasStruck(history, run))
    .flatMap(({ runId, comesTo }) =>
      [...new Set(endsOf(history, runId).map(({ outcome }) => wordFor(outcome)))]
        .filter((word) => word !== comesTo)
        .map((word) => ({
          invariant: 'one_end' as const,
          runId,
          what: `nothing befell it, and it ended as ${word} instead of ${comesTo ?? ''}`,
        })),
    );
}

function wasStruck(history: History, { runId }: AskedRun): boolean {
  return entriesOf(history, 'struck').some(
    ({ fault, step, runId: its }) =>
      !CHANGES_NOTHING.includes(fault) &&
      // Who it is that asks what an engine can do does not show.
      (its === runId || step === 'planned'),
  );
}
