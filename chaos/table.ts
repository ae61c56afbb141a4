/** The report in lines: how often each fault struck at each step, and which pairs struck too seldom. Pure. */
import { RUN_STEPS } from 'berthkit';
import { FAULTS, isPossible, type Pair, pairKey, POSSIBLE_PAIRS } from './faults.js';

/** How often a pair has to strike in a full run. */
export const MIN_STRIKES = 3;

/** Strikes by pair. */
export type StrikeCounts = ReadonlyMap<string, number>;

/** One line a fault and one column a step; `-` where a pair cannot happen. */
export function toTable(counts: StrikeCounts): string {
  const width = Math.max(...FAULTS.map(({ length }) => length)) + 1;
  const cell = (pair: Pair): string => (isPossible(pair) ? String(counts.get(pairKey(pair)) ?? 0) : '-');
  const columns = RUN_STEPS.map((step) => step.length + 1);
  const line = (name: string, cells: readonly string[]): string =>
    `${name.padEnd(width)}${cells.map((text, index) => text.padStart(columns[index] ?? 0)).join('')}`;
  return [
    line('', RUN_STEPS),
    ...FAULTS.map((fault) =>
      line(
        fault,
        RUN_STEPS.map((step) => cell({ fault, step })),
      ),
    ),
  ].join('\n');
}

/** Pairs that struck less often than they have to. */
export function tooSeldom(counts: StrikeCounts): readonly Pair[] {
  return POSSIBLE_PAIRS.filter((pair) => (counts.get(pairKey(pair)) ?? 0) < MIN_STRIKES);
}
