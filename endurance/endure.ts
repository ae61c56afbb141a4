/** Has a process of its own do many short runs, and judges what it tells. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Movement, movements } from './growth.js';
import type { EngineKind } from './place.js';
import type { Sample } from './sample.js';

/** What many runs came to. */
export interface Endurance {
  readonly samples: readonly Sample[];
  readonly movements: readonly Movement[];
  /** What is there that should not be, when all is closed. */
  readonly left: readonly string[];
  /** Nothing grew, and nothing is left. */
  readonly holds: boolean;
}

/** Throws if a run ended otherwise than it has to. `leaks` are of `leaks.ts`. */
export async function endure(
  kind: EngineKind,
  runs: number,
  leaks: readonly string[] = [],
): Promise<Endurance> {
  const program = fileURLToPath(new URL('./program.ts', import.meta.url));
  const child = fork(program, [kind, String(runs), leaks.join()], {
    // The young generation is as large on every Node: garbage that may pile up is no growth.
    execArgv: ['--expose-gc', '--max-semi-space-size=16', '--import', 'tsx'],
  });
  const told: unknown[] = [];
  child.on('message', (message) => told.push(message));
  const [code] = (await once(child, 'exit')) as [number | null];
  const [answer] = told as { readonly samples: readonly Sample[]; readonly left: readonly string[] }[];
  if (answer === undefined) throw new Error(`the runs ended with ${String(code)} and without an answer`);
  const { samples, left } = answer;
  const moved = movements(samples);
  const holds = left.length === 0 && moved.every(({ isBounded }) => isBounded);
  return { samples, movements: moved, left, holds };
}
