/** `npm run bench`: runs the benches, prints a table, and exits 0 only if every bar holds. It measures nothing itself. */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { benchCollecting } from './collecting.js';
import { type Ground, onGround } from './ground.js';
import { benchImports } from './imports.js';
import { benchLogs } from './logs.js';
import type { BenchResult } from './measure.js';
import { benchMemory } from './memory.js';
import { benchPlanning } from './planning.js';
import { benchPulls } from './pulls.js';
import { benchRuns } from './runs.js';
import { benchSmallFiles } from './small-files.js';
import { benchStaging } from './staging.js';
import { toTable } from './table.js';
import { benchVolumes } from './volumes.js';

type Bench = (ground: Ground) => Promise<readonly BenchResult[]>;

// The small ones come first: they are of a fresh process, as their users' are.
const BENCHES: Readonly<Record<string, Bench>> = {
  planning: benchPlanning,
  imports: benchImports,
  runs: benchRuns,
  pulls: benchPulls,
  staging: benchStaging,
  'small-files': benchSmallFiles,
  collecting: benchCollecting,
  volumes: benchVolumes,
  logs: benchLogs,
  memory: benchMemory,
};

const { values: flags } = parseArgs({
  options: {
    json: { type: 'string' },
    only: { type: 'string', multiple: true },
    quick: { type: 'boolean', default: false },
  },
});

function selected(): readonly (readonly [string, Bench])[] {
  const unknown = flags.only?.find((name) => !Object.hasOwn(BENCHES, name));
  if (unknown !== undefined) {
    throw new Error(`there is no bench "${unknown}"; there are ${Object.keys(BENCHES).join(', ')}`);
  }
  return Object.entries(BENCHES).filter(([name]) => flags.only?.includes(name) ?? true);
}

async function main(): Promise<void> {
  const benches = selected();
  // What is measured is what users get, not the sources.
  const library = import.meta.resolve('berthkit');
  if (!library.endsWith('/dist/index.js')) throw new Error(`berthkit is ${library}, not its build`);
  const results = await onGround(flags.quick, async (ground) => {
    const all: BenchResult[] = [];
    for (const [name, bench] of benches) {
      console.error(`${name} …`);
      const measured = await bench(ground);
      // The whole takes long: what is known already is not lost with what follows.
      console.error(toTable(measured));
      all.push(...measured);
    }
    return all;
  });
  console.log(toTable(results));
  if (flags.quick) console.log('This was a quick run: its sizes are too small for the bars.');
  if (flags.json !== undefined) await writeFile(flags.json, `${JSON.stringify(results, null, 2)}\n`);
  process.exitCode = results.every(({ holds }) => holds) ? 0 : 1;
}

await main();
