/** A short chaos run that always is the same, and the proof that it would notice: each seeded defect has to be found by it. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import pLimit from 'p-limit';

const root = fileURLToPath(new URL('..', import.meta.url));
const totals = { passed: 0, failed: 0 };

function check(name, isRight, details = '') {
  totals[isRight ? 'passed' : 'failed'] += 1;
  console.log(`${isRight ? 'ok' : 'FAILED'} ${name}${isRight ? '' : `: ${details}`}`);
}

/** They wait more than they compute. */
const atOnce = pLimit(3);
/** Removes what is none of its own: its neighbours' too, if there were any. */
const ALONE = 'removes-look-alikes';

let processes = 0;

const chaos = async (...flags) =>
  atOnce(async () => {
    processes += 1;
    // They share an engine, and by the same seed their runs would have the same names.
    const words = ['chaos/main.ts', '--seed', '1', '--label', `c${processes}-`, ...flags];
    const child = spawn(process.execPath, ['--import', 'tsx', ...words], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 600_000,
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        said += text;
      });
    }
    const status = await new Promise((resolve) => {
      child.on('error', () => resolve(126));
      child.on('close', (code) => resolve(code ?? 1));
    });
    return { status, said };
  });

/** Two scenes of spoiled calls, storages and inputs. */
const SCENES = ['1', '4'].flatMap((index) => ['--scene', index]);

/** A killed process, few descriptors and a full disk in scenes of their own, and what its caller gives hanging wherever a run reads it. */
const PAIRS = [
  'process_killed started',
  'cut_after workspace_ready',
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

const checkShort = async () => {
  const { status, said } = await chaos('--runs', '60', ...SCENES);
  check('a short run breaks nothing', status === 0, said);
  check('it says what it did', / runs, 0 violations/.test(said), said);
};

const checkPairs = async () => {
  const { status, said } = await chaos(...PAIRS);
  check('a fault of each kind breaks nothing', status === 0, said);
  check('each of them strikes', !/missed:/.test(said), said);
};

const checkCalm = async () => {
  const { status, said } = await chaos('--runs', '5', '--calm');
  check('runs that nothing befalls break nothing', status === 0, said);
};

/** In a scene whose runs end in every way, and publish. */
const withDefect = async (name) => chaos('--runs', '12', '--scene', '1', '--calm', '--defect', name);

const checkDefect = async (name) => {
  const invariant = DEFECTS[name];
  const { status, said } = await withDefect(name);
  check(
    `the defect "${name}" is found to break ${invariant}`,
    status === 1 && said.includes(`VIOLATION of ${invariant}`),
    said,
  );
};

/** Nothing but its time tells of such a run. */
const checkNeverSettles = async () => {
  const { status, said } = await withDefect('never-settles');
  const told =
    /VIOLATION of one_end by c\d+-\S+: it has not ended \d+ s after its last step, which is settled/;
  check('a run that never ends is found, with its last step', status === 1 && told.test(said), said);
};

const checkUnknown = async () => {
  const { status, said } = await chaos('--defect', 'no-such-defect');
  check('it refuses a defect there is not', status === 1 && said.includes('no-such-defect'), said);
};

await Promise.all([
  checkNeverSettles(),
  checkPairs(),
  checkShort(),
  checkCalm(),
  ...Object.keys(DEFECTS)
    .filter((name) => name !== ALONE)
    .map(checkDefect),
  checkUnknown(),
]);
await checkDefect(ALONE);
console.log(`${totals.passed} passed, ${totals.failed} failed, 0 skipped`);
process.exitCode = totals.failed === 0 ? 0 : 1;
