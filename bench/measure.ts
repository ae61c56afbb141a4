/** Takes samples of two ways of doing the same, in turn, and compares their medians. It knows no workload. */

/** One line of the report. */
export interface BenchResult {
  readonly name: string;
  readonly value: number;
  /** What the other way took; null where the bar is absolute. */
  readonly baseline: number | null;
  /** Value by baseline; null where the bar is absolute. */
  readonly ratio: number | null;
  /** What the ratio, or where there is none the value, is held against. */
  readonly bar: number;
  readonly holds: boolean;
}

/** Two ways of doing the same. Each gives its own measure, so that it can prepare and tidy up untimed. */
export interface Contest {
  readonly name: string;
  /** `at_most` for times, `at_least` for throughput. */
  readonly wanted: 'at_most' | 'at_least';
  readonly bar: number;
  /** Counted samples of each side. */
  readonly rounds: number;
  /** Samples of each side that are thrown away. */
  readonly warmUps: number;
  readonly value: () => Promise<number>;
  readonly baseline: () => Promise<number>;
}

/** Runs both sides in turn and compares the medians. Every sample counts. */
export async function compare(contest: Contest): Promise<BenchResult> {
  const values: number[] = [];
  const baselines: number[] = [];
  for (let round = -contest.warmUps; round < contest.rounds; round += 1) {
    // Each side is the first every other time: neither always meets what the other has left in caches and queues.
    const valueFirst = round % 2 === 0;
    const early = valueFirst ? await contest.value() : null;
    const baseline = await contest.baseline();
    const value = early ?? (await contest.value());
    if (round < 0) continue;
    values.push(value);
    baselines.push(baseline);
  }
  const value = median(values);
  const baseline = median(baselines);
  const ratio = value / baseline;
  const { name, bar, wanted } = contest;
  return { name, value, baseline, ratio, bar, holds: wanted === 'at_most' ? ratio <= bar : ratio >= bar };
}

/** The middle of some numbers; of an even count, the mean of the middle two. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) throw new Error('there is no median of nothing');
  return (upper + lower) / 2;
}

/** Milliseconds that something took. */
export async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
