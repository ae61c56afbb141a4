/** A Podman service of one's own, as root: everything in one temporary folder, started and removed without a trace. Linux, in a network namespace of its own. */
import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

const TERM_MS = 10_000;

/** Folders of the machine's that Podman keeps things in wherever its own are: hidden from it. */
const HIDDEN = ['/var/lib/cni', '/var/lib/containers'];
const HIDE = [
  'set -e',
  'first=$1 second=$2',
  'shift 2',
  'for folder in "$first" "$second"; do mount -t tmpfs -o mode=0700 tmpfs "$folder"; done',
  'exec "$@"',
].join('\n');

/**
 * Podman lets each container open 1,048,576 files, and runc cannot raise a limit without CAP_SYS_RESOURCE, which root in a container often lacks:
 * what this machine has, then. It stands in for runc.
 */
const RUNC = String.raw`#!/bin/bash
bundle= previous=
for word; do
  [ "$previous" = --bundle ] && bundle=$word
  previous=$word
done
if [ -n "$bundle" ] && [ -f "$bundle/config.json" ]; then
  sed -i -E "s/(\"(hard|soft)\": ?)1048576/\\1$(ulimit -Hn)/g; s/(\"(hard|soft)\": ?)4194304/\\1$(ulimit -Hu)/g" "$bundle/config.json"
fi
exec runc "$@"
`;

/** What Podman would read from the machine's folders otherwise. Locks are files: the usual ones in shared memory are one for all. */
const CONFIGURATION = {
  'containers.conf': '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nlock_type = "file"\n',
  'registries.conf':
    'unqualified-search-registries = []\n[[registry]]\nlocation = "127.0.0.1"\ninsecure = true\n',
  'policy.json': '{"default":[{"type":"insecureAcceptAnything"}]}',
};

/** Starts one. Where it is stands in `environment`. */
export async function startPrivatePodman() {
  const folder = mkdtempSync(join(tmpdir(), 'berthkit-engine-'));
  const host = `unix://${join(folder, 'podman.sock')}`;
  for (const [name, text] of Object.entries(CONFIGURATION)) writeFileSync(join(folder, name), text);
  writeFileSync(
    join(folder, 'storage.conf'),
    `[storage]\ndriver = "overlay"\ngraphroot = "${join(folder, 'root')}"\nrunroot = "${join(folder, 'run')}"\n`,
  );
  writeFileSync(join(folder, 'runc'), RUNC, { mode: 0o755 });
  const made = HIDDEN.filter((path) => !existsSync(path));
  for (const path of made) mkdirSync(path, { recursive: true });
  const service = launch(folder, host);
  const engine = {
    host,
    folder,
    environment: { DOCKER_HOST: host },
    stop: () => stopPodman(folder, host, service, made),
  };
  try {
    await untilReady({ host, process: service, name: 'Podman', log: join(folder, 'podman.log') });
  } catch (error) {
    await engine.stop();
    throw error;
  }
  return engine;
}

function launch(folder, host) {
  const at = (name) => join(folder, name);
  const words = [
    ...['unshare', '--mount', '--propagation', 'slave', '--', 'sh', '-c', HIDE, 'sh', ...HIDDEN],
    ...['podman', '--root', at('root'), '--runroot', at('run'), '--tmpdir', at('tmp')],
    ...['--network-config-dir', at('networks'), '--storage-driver', 'overlay', '--events-backend', 'file'],
    ...['--cgroup-manager', 'cgroupfs', '--runtime', at('runc')],
    ...['system', 'service', '--time=0', host],
  ];
  const log = openSync(at('podman.log'), 'a');
  const env = {
    ...process.env,
    CONTAINERS_CONF: at('containers.conf'),
    CONTAINERS_REGISTRIES_CONF: at('registries.conf'),
    CONTAINERS_STORAGE_CONF: at('storage.conf'),
  };
  // In a session of its own: an interrupt from the terminal is for the command, the engine is stopped in order.
  const [command, ...rest] = words;
  // Where its monitors put a file when memory ran out.
  const cwd = folder;
  const child = spawn(command, rest, { detached: true, stdio: ['ignore', log, log], cwd, env });
  closeSync(log);
  const exited = new Promise((resolve) => {
    child.on('exit', resolve);
    child.on('error', resolve);
  });
  return { child, exited };
}

async function stopPodman(folder, host, service, made) {
  if (!hasEnded(service)) {
    await removeContainers(host).catch(() => undefined);
    service.child.kill('SIGTERM');
    const timeUp = new AbortController();
    const late = sleep(TERM_MS, undefined, { signal: timeUp.signal }).catch(() => undefined);
    await Promise.race([service.exited, late]);
    timeUp.abort();
    if (!hasEnded(service)) service.child.kill('SIGKILL');
    await Promise.race([service.exited, sleep(5_000, undefined, { ref: false })]);
  }
  const groups = groupsOf(folder);
  for (const pid of processesOf(folder, /(podman|conmon|runc)/)) killQuietly(pid);
  for (const pid of groups.flatMap(processesIn)) killQuietly(pid);
  for (const mount of mountsBeneath(folder)) spawnSync('umount', ['-l', mount]);
  for (const group of groups) await removeGroups(group);
  removeFolder(folder);
  // Shared with every other Podman of the machine: they go where nobody else has anything in them.
  await removeGroups('libpod_parent', 20);
  for (const path of made) {
    try {
      rmdirSync(path);
    } catch {
      // Somebody else has put something there meanwhile.
    }
  }
}

async function removeContainers(host) {
  const { json } = await callEngine(host, 'GET', '/containers/json?all=true');
  await Promise.allSettled(
    json().map(({ Id }) =>
      callEngine(host, 'DELETE', `/containers/${Id}?force=1&v=1`, { timeoutMs: 30_000 }),
    ),
  );
}

/** Containers that are still there are known by their folders. */
function groupsOf(folder) {
  try {
    return readdirSync(join(folder, 'root', 'overlay-containers'))
      .filter((name) => /^[0-9a-f]{64}$/.test(name))
      .map((id) => `libpod_parent/libpod-${id}`);
  } catch {
    return [];
  }
}
