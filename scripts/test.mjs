/**
 * `npm test [-- FILTER…]`: all tests, on real engines. Those that have to be alone on their engine wait more than they compute, so each kind of them runs
 * on one of its own beside all others; where only one engine can be had, after them. Ends with `N passed, N failed, N skipped`.
 *
 * `npm run test:volume`, which is `--transport volume`: those on real engines, on ones as on another machine, which see no file of theirs. Tests that are
 * about just that are skipped, each with its reason.
 */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installMissingPackages, privateEngineProblem } from './engine/packages.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
const TOTALS = /^(\d+) passed, (\d+) failed, (\d+) skipped$/gm;

/** All but our own flag is vitest's. */
const filters = process.argv.slice(2);
const flagAt = filters.indexOf('--transport');
const [, transport] = flagAt < 0 ? [null, 'bind'] : filters.splice(flagAt, 2);
if (!['bind', 'volume'].includes(transport)) throw new Error('--transport is bind or volume');
const isVolume = transport === 'volume';

/** Runs some projects of the suite, on an engine of theirs if there can be one; gives the status and all that was said. */
async function runProjects(projects, { isShown }) {
  const words = [vitest, 'run', ...projects.flatMap((name) => ['--project', name]), ...filters];
  // A filter may leave one side with nothing to do.
  if (filters.length > 0) words.push('--passWithNoTests');
  const kind = isVolume ? '--remote' : '--private';
  const child = spawn(join(root, 'scripts/with-engine'), [kind, process.execPath, ...words], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { WITH_ENGINE_IN_MEMORY: '1', ...process.env },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text) => {
      said += text;
      if (isShown) process.stdout.write(text);
    });
  }
  const status = await new Promise((resolve) => {
    child.on('error', () => resolve(126));
    child.on('close', (code) => resolve(code ?? 1));
  });
  return { status, said };
}

// Callers on other systems use volumes whatever the engine sees: they are tested with the others.
const runOthers = () =>
  runProjects(isVolume ? ['integration', 'integration-isolated'] : ['unit*', 'integration*'], {
    isShown: true,
  });
const ALONE = ['alone-looking', 'alone-in-a-hurry'];
const parts = [runOthers, ...ALONE.map((name) => () => runProjects([name], { isShown: false }))];

const canHaveSeveral = privateEngineProblem() === null;
if (canHaveSeveral) installMissingPackages();
async function runAll() {
  if (canHaveSeveral) return Promise.all(parts.map((run) => run()));
  const results = [];
  for (const run of parts) results.push(await run());
  return results;
}
const results = await runAll();
for (const { said } of results.slice(1)) process.stdout.write(said);

const sums = [0, 0, 0];
for (const { said } of results) {
  const last = [...said.matchAll(TOTALS)].at(-1);
  // Whoever ended without counting has failed.
  for (const index of sums.keys())
    sums[index] += last === undefined ? Number(index === 1) : Number(last[index + 1]);
}
console.log(`\n${sums[0]} passed, ${sums[1]} failed, ${sums[2]} skipped`);
process.exitCode = results.every(({ status }) => status === 0) && sums[1] === 0 ? 0 : 1;
