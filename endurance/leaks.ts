/** Leaks on purpose, one with each run: the proof that each would be noticed. */
import { openSync } from 'node:fs';

/** What is kept; never read. */
const kept: unknown[] = [];

/** By name; called once a run. */
export const LEAKS: Readonly<Record<string, (signal: AbortSignal) => void>> = {
  memory: () => {
    kept.push(new Array<number>(16_384).fill(kept.length));
  },
  descriptor: () => {
    kept.push(openSync('/dev/null', 'r'));
  },
  timer: () => {
    kept.push(setTimeout(() => undefined, 3_600_000).unref());
  },
  listener: (signal) => {
    signal.addEventListener('abort', () => undefined);
  },
};
