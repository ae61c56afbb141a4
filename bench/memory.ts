/** Resident memory of a process of its own whose job writes a long log. It holds the bar; `memory-program.ts` measures. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { GIB, type Ground, MIB } from './ground.js';
import type { BenchResult } from './measure.js';

const BAR_MIB = 64;

/** What a program of this folder, started as a process of its own, tells of its growth in bytes. */
export async function growthOf(program: string, words: readonly string[]): Promise<number> {
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), words);
  const told: unknown[] = [];
  child.on('message', (message) => told.push(message));
  await once(child, 'exit');
  const [growthBytes] = told;
  if (typeof growthBytes === 'number') return growthBytes;
  throw new Error(`${program} ended without an answer (${String(child.exitCode)})`);
}

/** By how much it grows, at its peak. */
export async function benchMemory(ground: Ground): Promise<readonly BenchResult[]> {
  const logBytes = ground.quick ? 64 * MIB : 2 * GIB;
  const words = [ground.folder, ground.host, ground.image, String(logBytes)];
  const value = (await growthOf('memory-program.ts', words)) / MIB;
  const name = 'growth of resident memory under a log (MiB)';
  return [{ name, value, baseline: null, ratio: null, bar: BAR_MIB, holds: value <= BAR_MIB }];
}
