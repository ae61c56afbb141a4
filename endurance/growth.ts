/** Judges samples: what may not grow with the number of runs, and by how much it may move. Pure. */
import type { Sample } from './sample.js';

type Quantity = Exclude<keyof Sample, 'runs'>;

const MIB = 1024 ** 2;

/** By how much a quantity may be larger at the end than at the beginning; what is left of runs may not be there at all. */
export const SLACK: Readonly<Record<Quantity, number>> = {
  // What a process keeps of memory it no longer uses moves by more than what it uses.
  residentBytes: 48 * MIB,
  heapBytes: 4 * MIB,
  // Connections to the engine that are kept for the next call.
  descriptors: 6,
  timers: 6,
  listeners: 0,
  containers: 0,
  volumes: 0,
  folders: 0,
  openRuns: 0,
};

/** Nothing of these is to be there between runs, not even at first. */
const NONE_LEFT: readonly Quantity[] = ['listeners', 'containers', 'volumes', 'folders', 'openRuns'];

/** How one quantity moved. */
export interface Movement {
  readonly quantity: Quantity;
  /** The median of the first third of the samples, and of the last. */
  readonly before: number;
  readonly after: number;
  readonly isBounded: boolean;
}

/** Three samples are the fewest that can be judged. */
export function movements(samples: readonly Sample[]): readonly Movement[] {
  const third = Math.floor(samples.length / 3);
  if (third === 0) throw new Error(`${String(samples.length)} samples say nothing of growth`);
  return (Object.keys(SLACK) as Quantity[]).map((quantity) => {
    const values = samples.map((sample) => sample[quantity]);
    const [before, after] = [median(values.slice(0, third)), median(values.slice(-third))];
    const isBounded = NONE_LEFT.includes(quantity)
      ? values.every((value) => value === 0)
      : after - before <= SLACK[quantity];
    return { quantity, before, after, isBounded };
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
