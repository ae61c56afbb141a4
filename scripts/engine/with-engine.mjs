/**
 * with-engine [--private [--runtime NAME] | --remote | --podman] COMMAND…: runs a command with DOCKER_HOST set to an engine that really works, and exits as it does.
 *
 * An engine that is already there is used only if containers really start on it. Otherwise, and always with --private, an engine of its
 * own is started on Debian and Ubuntu as root, in a fresh network namespace together with the command: no other engine is disturbed,
 * published ports answer on 127.0.0.1, and nothing outside can be reached. With --runtime its containers run in that one: `runsc` is
 * gVisor, without a network. With --remote it is as on another machine: reached by TCP and TLS (DOCKER_TLS_VERIFY, DOCKER_CERT_PATH), and it
 * does not see the folders for temporary files. With --podman it is a Podman service. Of these three kinds there is no other to be had.
 * WITH_ENGINE_IN_MEMORY=1 has Docker engines of its own keep images and containers in memory.
 */
import { spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { engineCandidates } from './candidates.mjs';
import { installMissingPackages, PODMAN, privateEngineProblem } from './packages.mjs';
import { startPrivateEngine } from './private-engine.mjs';
import { startPrivatePodman } from './private-podman.mjs';
import { engineProblem } from './probe.mjs';

const INSIDE = '--inside-namespace';
const PRIVATE = '--private';
const REMOTE = '--remote';
const OF_PODMAN = '--podman';
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const say = (text) => process.stderr.write(`with-engine: ${text}\n`);

/** Runs a command to its end and gives its exit status; signals that reach us are passed on to it. */
async function run(command, words, env) {
  const child = spawn(command, words, { stdio: 'inherit', env });
  const pass = (signal) => {
    // A terminal has already sent an interrupt to the whole group.
    if (signal === 'SIGINT' && process.stdin.isTTY) return;
    child.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, pass);
  try {
    return await new Promise((resolve) => {
      child.on('error', (error) => {
        say(`${command}: ${error.message}`);
        resolve(error.code === 'ENOENT' ? 127 : 126);
      });
      child.on('exit', (code, signal) => {
        resolve(signal === null ? code : 128 + constants.signals[signal]);
      });
    });
  } finally {
    for (const signal of SIGNALS) process.off(signal, pass);
  }
}

/** gVisor's own network needs a kernel and a place that private engines do not always have; `none` is what jobs get by default. */
const inRuntime = (runtime) => ({
  runtimes: { [runtime]: { path: runtime, runtimeArgs: ['--network=none'] } },
  'default-runtime': runtime,
});

async function insideNamespace(kind, runtime, command, words) {
  // Signals must not end us before everything is cleaned up; the command gets those that come while it runs.
  let early = null;
  const remember = (signal) => {
    early = signal;
  };
  for (const signal of SIGNALS) process.on(signal, remember);
  spawnSync('ip', ['link', 'set', 'lo', 'up']);
  stopWithParent();
  const configuration = runtime === '' ? {} : inRuntime(runtime);
  const engine =
    kind === OF_PODMAN
      ? await startPrivatePodman()
      : await startPrivateEngine({ configuration, remote: kind === REMOTE });
  try {
    if (early !== null) return 128 + constants.signals[early];
    const others = ['DOCKER_CONTEXT', 'DOCKER_TLS', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH'];
    const kept = Object.entries(process.env).filter(([name]) => !others.includes(name));
    const env = { ...Object.fromEntries(kept), ...engine.environment };
    return await run(command, words, env);
  } finally {
    await engine.stop();
  }
}

/** A launcher that was killed without notice must not leave an engine behind. */
function stopWithParent() {
  const parent = process.ppid;
  const check = () => {
    if (process.ppid === parent) return;
    process.kill(process.pid, 'SIGTERM');
    clearInterval(timer);
  };
  const timer = setInterval(check, 500);
  timer.unref();
}

async function usableEngine() {
  for (const host of engineCandidates(process.env)) {
    const problem = await engineProblem(host);
    if (problem === null) return host;
    say(`not using ${host}: ${problem}`);
  }
  return null;
}

async function main([first, ...rest]) {
  if (first === INSIDE) return insideNamespace(rest[0], rest[1], rest[2], rest.slice(3));
  const kind = [PRIVATE, REMOTE, OF_PODMAN].includes(first) ? first : null;
  const runtime = kind === PRIVATE && rest[0] === '--runtime' ? (rest[1] ?? '') : null;
  const [command, ...words] = kind === null ? [first, ...rest] : rest.slice(runtime === null ? 0 : 2);
  if (command === undefined) {
    say('usage: with-engine [--private [--runtime NAME] | --remote | --podman] COMMAND…');
    return 2;
  }
  const special = kind === OF_PODMAN ? PODMAN : runtime;
  const problem = privateEngineProblem(special);
  if (problem !== null && (kind === REMOTE || special !== null)) {
    const others = { [PODMAN]: 'no Podman', null: 'no engine as on another machine' };
    say(`${others[special] ?? `no engine that runs containers in ${special}`} can be had here: ${problem}.`);
    return 125;
  }
  if (kind === null || problem !== null) {
    const host = await usableEngine();
    if (host !== null) return run(command, words, { ...process.env, DOCKER_HOST: host });
  }
  if (problem !== null) {
    say(`no engine that runs containers was found, and ${problem}.`);
    say(
      'Start Docker (Docker Desktop, dockerd, or rootless Docker) so that "docker run --rm busybox true" works,',
    );
    say('or set DOCKER_HOST to an engine, or run this as root on Debian or Ubuntu to get a private one.');
    return 125;
  }
  installMissingPackages(special);
  const self = fileURLToPath(import.meta.url);
  const inside = [process.execPath, self, INSIDE, kind ?? PRIVATE, runtime ?? '', command, ...words];
  return run('unshare', ['--net', '--', ...inside], process.env);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(error.message);
  process.exitCode = 125;
}
