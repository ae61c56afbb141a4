/** Proves that the bench works, not what it measures: two benches in small, their report, and an exit status that agrees with it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const totals = { passed: 0, failed: 0 };

function check(name, isRight, details = '') {
  totals[isRight ? 'passed' : 'failed'] += 1;
  console.log(`${isRight ? 'ok' : 'FAILED'} ${name}${isRight ? '' : `: ${details}`}`);
}

function bench(...flags) {
  const words = [
    'node_modules/tsx/dist/cli.mjs',
    '--tsconfig',
    'bench/tsconfig.run.json',
    'bench/main.ts',
    ...flags,
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, {
    cwd: root,
    encoding: 'utf8',
    timeout: 300_000,
  });
  return { status, said: `${stdout}\n${stderr}` };
}

/** What is wrong with one line of the report; null if nothing is. */
function problemOf(result) {
  const keys = ['name', 'value', 'baseline', 'ratio', 'bar', 'holds'];
  const { value, baseline, ratio, bar, holds } = result;
  if (Object.keys(result).join() !== keys.join()) return 'other keys';
  if (typeof result.name !== 'string' || typeof bar !== 'number' || typeof holds !== 'boolean')
    return 'other types';
  if (!(value > 0)) return 'nothing measured';
  if (baseline === null) return ratio === null ? null : 'a ratio to nothing';
  return baseline > 0 && Math.abs(ratio - value / baseline) < 1e-9 ? null : 'a ratio that is none';
}

const folder = mkdtempSync(join(tmpdir(), 'berthkit-bench-test-'));
try {
  const report = join(folder, 'report.json');
  const { status, said } = bench('--quick', '--only', 'runs', '--only', 'planning', '--json', report);
  check('the bench ends by itself', status === 0 || status === 1, said);
  const results = JSON.parse(readFileSync(report, 'utf8'));
  check('it reports every result of both benches', results.length === 3, JSON.stringify(results));
  for (const result of results) {
    const problem = problemOf(result);
    check(`"${result.name}" is reported whole`, problem === null, `${problem}: ${JSON.stringify(result)}`);
    check(`"${result.name}" is in the table`, said.includes(result.name), said);
  }
  const allHold = results.every(({ holds }) => holds);
  check('its exit status says whether all bars hold', status === (allHold ? 0 : 1), `${status}, ${allHold}`);
  const unknown = bench('--only', 'no-such-bench');
  check(
    'it refuses a bench there is not',
    unknown.status === 1 && unknown.said.includes('no-such-bench'),
    unknown.said,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${totals.passed} passed, ${totals.failed} failed, 0 skipped`);
process.exitCode = totals.failed === 0 ? 0 : 1;
