/** The first invariant: each accepted run has exactly one end, in time, and everybody is told the same. Pure. */
import { askedRuns, endsOf, entriesOf, eventsOf, wordFor } from '../entries.js';
import type { AskedRun, History } from '../history.js';
import type { Violation } from '../violation.js';

/** Runs without an end, with more than one, or with different ones. */
export function checkEnds(history: History): readonly Violation[] {
  return askedRuns(history).flatMap((run) =>
    problemsOf(history, run).map((what) => ({ invariant: 'one_end' as const, runId: run.runId, what })),
  );
}

function problemsOf(history: History, { runId, joins }: AskedRun): readonly string[] {
  const unsettled = entriesOf(history, 'unsettled').find((entry) => entry.runId === runId);
  if (unsettled !== undefined) {
    const { lastStep, afterMs } = unsettled;
    const seconds = (afterMs / 1000).toFixed(0);
    return [`it has not ended ${seconds} s after its last step, which is ${lastStep ?? 'none'}`];
  }
  const ends = endsOf(history, runId);
  const told = (by: (typeof ends)[number]['by']): number => ends.filter((end) => end.by === by).length;
  const stored = entriesOf(history, 'stored').filter((entry) => entry.runId === runId);
  const died = entriesOf(history, 'process_died').length > 0;
  const problems: string[] = [];
  const isAccepted = eventsOf(history, runId, 'policy_decision').some(({ decision }) => decision.allowed);
  // A run whose process was killed before it was claimed is known to nobody, and nothing was made for it.
  const isKnown =
    stored.length > 0 || !died || entriesOf(history, 'step').some((step) => step.runId === runId);
  const mustEnd = isAccepted && isKnown && !(died && joins !== null);
  const promises = told('promise');
  if (promises > 1) problems.push(`its promise settled ${String(promises)} times`);
  if (promises === 0 && !died) problems.push('its promise never settled');
  const events = told('event');
  if (events > 1) problems.push(`it has ${String(events)} run_end events`);
  if (events === 0 && mustEnd) problems.push('it has no run_end event');
  if (mustEnd && joins === null && told('store') !== 1) problems.push('the store has no end of it');
  const words = new Set(ends.map(({ outcome }) => wordFor(outcome)));
  if (words.size > 1) problems.push(`it has different ends: ${[...words].join(', ')}`);
  const starts = eventsOf(history, runId, 'run_start').length;
  if (starts > 1) problems.push(`it has ${String(starts)} run_start events`);
  return problems;
}
