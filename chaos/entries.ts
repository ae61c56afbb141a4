/** Looks things up in a history. Pure. */
import type { RunEvent, RunEventType, RunOutcome, RunResult } from 'berthkit';
import type { AskedRun, History, HistoryEntry } from './history.js';

/** The entries of one kind. */
export function entriesOf<K extends HistoryEntry['kind']>(
  { entries }: History,
  kind: K,
): readonly Extract<HistoryEntry, { kind: K }>[] {
  return entries.filter((entry): entry is Extract<HistoryEntry, { kind: K }> => entry.kind === kind);
}

/** The events of one type of one run. */
export function eventsOf<T extends RunEventType>(
  history: History,
  runId: string,
  type: T,
): readonly Extract<RunEvent, { type: T }>[] {
  return entriesOf(history, 'event')
    .map(({ event }) => event)
    .filter((event): event is Extract<RunEvent, { type: T }> => event.type === type && event.runId === runId);
}

/** Everything that was asked for. */
export function askedRuns(history: History): readonly AskedRun[] {
  return entriesOf(history, 'asked').map(({ run }) => run);
}

/** The ends of a run as they were told, each with who told it. */
export function endsOf(
  history: History,
  runId: string,
): readonly { readonly by: 'promise' | 'event' | 'store'; readonly outcome: RunOutcome }[] {
  const settled = entriesOf(history, 'settled').filter((entry) => entry.runId === runId);
  const stored = entriesOf(history, 'stored').filter((entry) => entry.runId === runId);
  return [
    ...settled.map(({ outcome }) => ({ by: 'promise' as const, outcome })),
    ...eventsOf(history, runId, 'run_end').map((outcome) => ({ by: 'event' as const, outcome })),
    ...stored.flatMap(({ end }) => (end === null ? [] : [{ by: 'store' as const, outcome: end }])),
  ];
}

/** How a run ended, in a word that tells ends apart. */
export function wordFor(outcome: RunOutcome): string {
  return outcome.outcome === 'result'
    ? `${outcome.result.status}/${outcome.result.reason}`
    : outcome.error.code;
}

/** The result of an end that says it succeeded; null for any other. */
export function successOf(outcome: RunOutcome): RunResult | null {
  return outcome.outcome === 'result' && outcome.result.status === 'succeeded' ? outcome.result : null;
}
