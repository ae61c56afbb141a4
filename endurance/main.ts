/** `npm run endurance`: many short runs on the fake engine and on the real one; prints what moved, and exits 0 only if nothing grew or is left. */
import { parseArgs } from 'node:util';
import { endure } from './endure.js';
import type { Movement } from './growth.js';
import { LEAKS } from './leaks.js';
import type { EngineKind } from './place.js';

const { values: flags } = parseArgs({
  options: {
    fake: { type: 'string', default: '10000' },
    real: { type: 'string', default: '1000' },
    leak: { type: 'string', multiple: true, default: [] },
  },
});

function numberOf(name: EngineKind): number {
  const text = flags[name];
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} must be a whole number, not "${text}"`);
  return Number(text);
}

/** Bytes as MiB, anything else as it is. */
const shown = ({ quantity }: Movement, value: number): string =>
  quantity.endsWith('Bytes') ? `${(value / 1024 ** 2).toFixed(1)} MiB` : String(value);

for (const leak of flags.leak)
  if (!Object.hasOwn(LEAKS, leak))
    throw new Error(`there is no leak "${leak}"; there are ${Object.keys(LEAKS).join(', ')}`);

let holdsAll = true;
for (const kind of ['fake', 'real'] as const) {
  const runs = numberOf(kind);
  if (runs === 0) continue;
  const startedAt = performance.now();
  const { movements, left, holds } = await endure(kind, runs, flags.leak);
  holdsAll &&= holds;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  console.log(`${String(runs)} runs on the ${kind} engine in ${seconds} s`);
  for (const moved of movements) {
    const verdict = moved.isBounded ? 'ok' : 'GREW';
    const { before, after } = { before: shown(moved, moved.before), after: shown(moved, moved.after) };
    console.log(`  ${moved.quantity.padEnd(14)} ${before.padStart(12)} ${after.padStart(12)}  ${verdict}`);
  }
  for (const what of left) console.log(`  LEFT ${what}`);
}
console.log(holdsAll ? 'nothing grew, and nothing is left' : 'FAILED');
process.exitCode = holdsAll ? 0 : 1;
