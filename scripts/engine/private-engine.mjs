/** A Docker engine of one's own: everything in one temporary folder, started and removed without a trace. Linux, as root. */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { callEngine } from './http.mjs';
import { hasEnded, untilReady } from './ready.mjs';
import {
  killQuietly,
  mountsBeneath,
  processesIn,
  processesOf,
  removeFolder,
  removeGroups,
} from './remains.mjs';
import { prepareRemote } from './remote.mjs';

const TERM_MS = 30_000;

/** Engines before 23 keep their identity in a file of the machine's, unless told otherwise; later ones refuse to be told. */
function keepsKeyFile() {
  const version = spawnSync('dockerd', ['--version'], { encoding: 'utf8' }).stdout ?? '';
  return Number(/version (\d+)\./.exec(version)?.[1] ?? 0) < 23;
}

/**
 * Starts an engine. Without options it is in the network namespace of this process, with the engine's own defaults.
 *
 * @param {{ configuration?: Readonly<Record<string, unknown>>, beside?: boolean, remote?: boolean }} [options] `configuration`: what stands
 * in its daemon.json; `beside`: beside another engine, in a network namespace of its own, and with a containerd that outlives it, so that it can be
 * killed and started again; `remote`: as on another machine, reached by TLS and seeing no temporary folders but its own.
 */
export async function startPrivateEngine({ configuration = {}, beside = false, remote = false } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'berthkit-engine-'));
  const place = {
    folder,
    group: basename(folder),
    host: `unix://${join(folder, 'docker.sock')}`,
    beside,
    remote: remote ? prepareRemote(folder) : null,
  };
  // An engine without a file of its own would read the machine's.
  const keyFile = keepsKeyFile() ? { 'deprecated-key-path': join(folder, 'key.json') } : {};
  writeFileSync(configurationIn(folder), JSON.stringify({ ...keyFile, ...configuration }));
  if (isInMemory()) mountMemory(folder);
  if (beside) launchContainerd(folder);
  let daemon = launch(place);
  const untilStarted = () =>
    untilReady({ host: place.host, process: daemon, name: 'engine', log: join(folder, 'dockerd.log') });
  const engine = {
    host: place.host,
    folder,
    /** What has to be in the environment of whoever is to find it. */
    environment: place.remote?.environment ?? { DOCKER_HOST: place.host },
    /** Kills the engine without notice; what runs on it goes on. */
    crash: async () => {
      daemon.child.kill('SIGKILL');
      await daemon.exited;
    },
    /** Asks the engine to end, as a service manager does, and waits for it. */
    shutDown: async () => {
      daemon.child.kill('SIGTERM');
      await daemon.exited;
    },
    /** Starts it again on what it left. */
    restart: async () => {
      daemon = launch(place);
      await untilStarted();
    },
    stop: () => stopEngine(place, daemon),
  };
  try {
    await untilStarted();
  } catch (error) {
    await engine.stop();
    throw error;
  }
  return engine;
}

/** Of a whole suite of tests it saves a sixth of what engines cost. */
const isInMemory = () => process.env['WITH_ENGINE_IN_MEMORY'] === '1';

/** Has what is written for every container in memory, but for volumes: what jobs write there would count as memory of theirs. */
function mountMemory(folder) {
  const at = (...names) => join(folder, ...names);
  try {
    for (const path of [at('data'), at('exec'), at('volumes')]) mkdirSync(path, { mode: 0o711 });
    mount('-t', 'tmpfs', '-o', 'mode=711', 'tmpfs', at('data'));
    mount('-t', 'tmpfs', '-o', 'mode=711', 'tmpfs', at('exec'));
    mkdirSync(at('data', 'volumes'), { mode: 0o701 });
    mount('--bind', at('volumes'), at('data', 'volumes'));
  } catch (error) {
    removeFolder(folder);
    throw error;
  }
}

function mount(...words) {
  const { status, stderr, error } = spawnSync('mount', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`mount ${words.join(' ')}: ${error?.message ?? stderr}`);
}

const configurationIn = (folder) => join(folder, 'daemon.json');

function launch({ folder, group, host, beside, remote }) {
  const words = [
    ...(remote?.wrapper ?? []),
    'dockerd',
    ...(remote?.flags ?? []),
    ['--host', host],
    ['--data-root', join(folder, 'data')],
    ['--exec-root', join(folder, 'exec')],
    ['--pidfile', join(folder, 'docker.pid')],
    ['--config-file', configurationIn(folder)],
    ['--exec-opt', 'native.cgroupdriver=cgroupfs'],
    ['--cgroup-parent', `/${group}`],
  ].flat();
  const child = beside
    ? spawnInto(folder, ['unshare', '--net', '--', ...words, '--containerd', containerdSocket(folder)])
    : spawnInto(folder, words);
  const exited = new Promise((resolve) => {
    child.on('exit', resolve);
    child.on('error', resolve);
  });
  return { child, exited };
}

/** In a session of its own: an interrupt from the terminal is for the command, the engine is stopped in order. */
function spawnInto(folder, [command, ...words]) {
  const log = openSync(join(folder, 'dockerd.log'), 'a');
  const child = spawn(command, words, { detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  return child;
}

const containerdSocket = (folder) => join(folder, 'containerd.sock');

/** dockerd's own containerd dies with it; the packages of distributions run one beside it. */
function launchContainerd(folder) {
  const configuration = join(folder, 'containerd.toml');
  const lines = [
    'version = 2',
    `root = "${join(folder, 'containerd', 'root')}"`,
    `state = "${join(folder, 'containerd', 'state')}"`,
    'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
    '[grpc]',
    `address = "${containerdSocket(folder)}"`,
  ];
  writeFileSync(configuration, `${lines.join('\n')}\n`);
  spawnInto(folder, ['containerd', '--config', configuration]).on('error', () => undefined);
}

async function stopEngine({ folder, group, host }, daemon) {
  if (!hasEnded(daemon)) {
    await killContainers(host).catch(() => undefined);
    daemon.child.kill('SIGTERM');
    const timeUp = new AbortController();
    await Promise.race([
      daemon.exited,
      sleep(TERM_MS, undefined, { signal: timeUp.signal }).catch(() => undefined),
    ]);
    timeUp.abort();
    if (!hasEnded(daemon)) daemon.child.kill('SIGKILL');
    await Promise.race([daemon.exited, sleep(5_000, undefined, { ref: false })]);
  }
  // They outlive an engine that was killed.
  for (const pid of processesOf(folder, /(dockerd|containerd)/)) killQuietly(pid);
  for (const pid of processesIn(group)) killQuietly(pid);
  for (const mount of mountsBeneath(folder)) spawnSync('umount', ['-l', mount]);
  removeFolder(folder);
  await removeGroups(group);
}

async function killContainers(host) {
  const { json } = await callEngine(host, 'GET', '/containers/json');
  await Promise.allSettled(json().map(({ Id }) => callEngine(host, 'POST', `/containers/${Id}/kill`)));
}
