/**
 * `npm run matrix [-- --row NAME…]`: the tests on every kind of engine, in every place and under every Node that this machine can have, as a table. Rows it
 * cannot have are printed with the reason. It takes hours; nothing in it depends on an order.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unpackTrixieDocker } from './engine/trixie-docker.mjs';
import { privateEngineProblem } from './engine/packages.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const TOTALS = /^(\d+) passed, (\d+) failed, (\d+) skipped$/gm;
const folder = mkdtempSync(join(tmpdir(), 'berthkit-matrix-'));
const test = ['node', 'scripts/test.mjs'];
/** What needs no engine is the same on each of them. */
const onEngines = [...test, 'test/integration/'];
const first = (path) => ({ PATH: [path, process.env.PATH].join(delimiter) });

/** A Node of another line, from its package in the npm registry. */
function otherNode(line) {
  const place = join(folder, `node-${line}`);
  const said = spawnSync(
    'npm',
    ['install', '--no-audit', '--no-fund', '--prefix', place, `node-linux-${process.arch}@${line}`],
    { encoding: 'utf8' },
  );
  if (said.status !== 0) throw new Error(said.stderr);
  return first(join(place, 'node_modules', `node-linux-${process.arch}`, 'bin'));
}

const hasUnifiedGroups = existsSync('/sys/fs/cgroup/cgroup.controllers');
const hasAppArmor = existsSync('/sys/kernel/security/apparmor');

/** `words`: what is run; `environment`: makes what it needs besides; `problem`: why it cannot be, for those that are never run here. */
const ROWS = {
  'local engine, bind': { words: test },
  'engine elsewhere (TCP, TLS), volume': { words: [...test, '--transport', 'volume'] },
  'in a container, with the socket': {
    words: ['scripts/with-engine', '--private', 'node', 'scripts/test-in-container.mjs'],
  },
  'Docker 26.1': {
    words: onEngines,
    environment: () => first(unpackTrixieDocker(join(folder, 'docker-26.1'))),
  },
  Podman: { words: ['npm', 'run', 'test:podman', '--', '--registry'] },
  gVisor: { words: ['npm', 'run', 'test:runsc'] },
  ...Object.fromEntries(
    ['20', '22', '24'].map((line) => [`Node ${line}`, { words: test, environment: () => otherNode(line) }]),
  ),
  'rootless Docker': { problem: 'it needs a user whose systemd session has cgroups of its own' },
  'cgroup v2': hasUnifiedGroups ? { words: onEngines } : { problem: 'this machine has cgroup v1' },
  AppArmor: hasAppArmor ? { words: onEngines } : { problem: 'the kernel of this machine is without it' },
};

/** What was begun is ended and tidied up, and the table has what there is. */
let stopped = false;
let current = null;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    stopped = true;
    current?.kill(signal);
  });
}

/** Runs a row to its end and gives what it came to; all it says goes on to the terminal. */
async function run({ words: [command, ...rest], environment = () => ({}) }) {
  let said = '';
  const child = spawn(command, rest, {
    cwd: root,
    env: { ...process.env, ...environment() },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  current = child;
  child.stdout.setEncoding('utf8').on('data', (text) => {
    said += text;
    process.stdout.write(text);
  });
  const status = await new Promise((resolve) => {
    child.on('error', () => resolve(126));
    child.on('close', (code) => resolve(code ?? 1));
  });
  current = null;
  const totals = [...said.matchAll(TOTALS)].at(-1)?.[0] ?? 'it did not come to an end';
  return { isGreen: status === 0, text: status === 0 ? totals : `${totals} (ended with ${String(status)})` };
}

/** The rows that were asked for, or all. */
function chosen() {
  const words = process.argv.slice(2).filter((word) => word !== '--row');
  const unknown = words.find((word) => !Object.hasOwn(ROWS, word));
  if (unknown !== undefined) {
    throw new Error(`there is no row "${unknown}"; the rows are: ${Object.keys(ROWS).join('; ')}`);
  }
  return words.length === 0 ? Object.keys(ROWS) : words;
}

const lines = [];
try {
  const common = privateEngineProblem();
  for (const name of chosen()) {
    const { problem = common, ...row } = ROWS[name];
    if (problem !== null) {
      lines.push(`| ${name} | not tested: ${problem} |`);
      continue;
    }
    if (stopped) {
      lines.push(`| ${name} | not tested: interrupted |`);
      continue;
    }
    console.log(`\n== ${name}`);
    let outcome;
    try {
      outcome = await run(row);
    } catch (error) {
      outcome = { isGreen: false, text: `not tested: ${String(error.message).trim().split('\n').at(-1)}` };
    }
    if (!outcome.isGreen) process.exitCode = 1;
    lines.push(`| ${name} | ${outcome.text} |`);
  }
  if (stopped) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`\n| where | result |\n| --- | --- |\n${lines.join('\n')}`);
