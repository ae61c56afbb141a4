/** A short chaos run that always is the same, and the proof that it would notice: each seeded defect has to be found by it. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const totals = { passed: 0, failed: 0 };

function check(name, isRight, details = '') {
  totals[isRight ? 'passed' : 'failed'] += 1;
  console.log(`${isRight ? 'ok' : 'FAILED'} ${name}${isRight ? '' : `: ${details}`}`);
}

function chaos(...flags) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', 'chaos/main.ts', '--seed', '1', ...flags],
    { cwd: root, encoding: 'utf8', timeout: 600_000 },
  );
  return { status, said: `${stdout}\n${stderr}` };
}

/** Two scenes of spoiled calls, storages and inputs. */
const SCENES = ['1', '4'].flatMap((index) => ['--scene', index]);

/** A killed process, few descriptors and a full disk in scenes of their own, and what its caller gives hanging wherever a run reads it. */
const PAIRS = [
  'process_killed started',
  'descriptors_used_up created',
  'disk_full workspace_ready',
  'input_hangs workspace_ready',
  'input_hangs staged',
  'input_hangs started',
].flatMap((pair) => ['--pair', pair]);

const DEFECTS = {
  'never-removes': 'nothing_is_left',
  'removes-look-alikes': 'nothing_else_is_touched',
  'starts-twice': 'one_start_and_all_or_no_uploads',
  'tells-secrets': 'secrets_stay_secret',
  'publishes-nothing': 'success_is_proven',
  'publishes-half': 'one_start_and_all_or_no_uploads',
  'calls-failures-successes': 'success_is_proven',
  'loses-ends': 'one_end',
};

const short = chaos('--runs', '60', ...SCENES);
check('a short run breaks nothing', short.status === 0, short.said);
check('it says what it did', / runs, 0 violations/.test(short.said), short.said);
const pairs = chaos(...PAIRS);
check('a fault of each kind breaks nothing', pairs.status === 0, pairs.said);
check('each of them strikes', !/missed:/.test(pairs.said), pairs.said);
const calm = chaos('--runs', '5', '--calm');
check('runs that nothing befalls break nothing', calm.status === 0, calm.said);
// A scene whose runs end in every way, and publish.
for (const [name, invariant] of Object.entries(DEFECTS)) {
  const { status, said } = chaos('--runs', '12', '--scene', '1', '--calm', '--defect', name);
  check(
    `the defect "${name}" is found to break ${invariant}`,
    status === 1 && said.includes(`VIOLATION of ${invariant}`),
    said,
  );
}
const unknown = chaos('--defect', 'no-such-defect');
check(
  'it refuses a defect there is not',
  unknown.status === 1 && unknown.said.includes('no-such-defect'),
  unknown.said,
);
console.log(`${totals.passed} passed, ${totals.failed} failed, 0 skipped`);
process.exitCode = totals.failed === 0 ? 0 : 1;
