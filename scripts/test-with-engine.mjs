/** Proves scripts/with-engine: status and signals pass through, broken engines are passed over, and nothing is left behind. As root on Linux. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { installMissingPackages, PODMAN } from './engine/packages.mjs';

const launcher = fileURLToPath(new URL('./with-engine', import.meta.url));
const totals = { passed: 0, failed: 0 };

function check(name, isRight, details = '') {
  totals[isRight ? 'passed' : 'failed'] += 1;
  console.log(`${isRight ? 'ok' : 'FAILED'} ${name}${isRight ? '' : `: ${details}`}`);
}

/** Everything a private engine could leave behind. */
function leftovers() {
  const folders = readdirSync(tmpdir()).filter((name) => name.startsWith('berthkit-engine-'));
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes('berthkit-engine-'));
  const groups = readdirSync('/sys/fs/cgroup').flatMap((name) => {
    try {
      return readdirSync(`/sys/fs/cgroup/${name}`).filter((each) => /^(berthkit-engine-|libpod)/.test(each));
    } catch {
      return [];
    }
  });
  const processes = readdirSync('/proc').filter((name) => {
    try {
      return (
        /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('/berthkit-engine-')
      );
    } catch {
      return false;
    }
  });
  return [...folders, ...mounts, ...groups, ...processes];
}

function run(words, env = process.env) {
  const { status, stdout, stderr } = spawnSync(launcher, words, { encoding: 'utf8', env, timeout: 240_000 });
  return { status, stdout: stdout.trim(), stderr };
}

/** Starts a command, waits for its first line, sends a signal to the launcher, and gives its end. */
async function interrupted(signal, script) {
  const child = spawn(launcher, ['--private', 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let sent = false;
  child.stdout.on('data', () => {
    if (!sent) child.kill(signal);
    sent = true;
  });
  return new Promise((resolve) => child.on('exit', (code, ended) => resolve(code ?? ended)));
}

/** What engines put there unless told otherwise. */
const SHARED = ['/etc/docker/key.json', '/var/lib/cni', '/var/lib/containers'];
const sharedThere = () => SHARED.filter((path) => existsSync(path)).join(' ');

// What packages bring is no leftover.
for (const kind of [null, PODMAN]) installMissingPackages(kind);
const before = leftovers();
const sharedBefore = sharedThere();
const sh = (script) => ['--private', 'sh', '-c', script];
const container =
  'cd "$0" && node --import tsx scripts/image-kit/main.ts busybox && docker run -d --rm busybox:1 sleep 1000 && docker run -d busybox:1 sleep 1000';
const root = fileURLToPath(new URL('..', import.meta.url));

check('keeps the exit status', run(sh('exit 7')).status === 7);
check(
  'sets DOCKER_HOST to an engine that answers',
  run(sh('docker version --format "{{.Server.Os}}"')).stdout === 'linux',
);
check('gives 127 for a command that is not there', run(['--private', '/no/such/command']).status === 127);
check('asks for a command', run(['--private']).status === 2);
check('has no outside network', run(sh('ip -o route | grep -c default || true')).stdout === '0');
const left = run(['--private', 'sh', '-c', container, root]);
check('survives containers that go on', left.status === 0, left.stderr);
check(
  'SIGTERM reaches the command',
  (await interrupted('SIGTERM', 'trap "exit 9" TERM; echo ready; while :; do sleep 0.1; done')) === 9,
);
check(
  'SIGINT reaches the command',
  (await interrupted('SIGINT', 'trap "exit 8" INT; echo ready; while :; do sleep 0.1; done')) === 8,
);
check(
  'an untrapped SIGTERM is told by the status',
  (await interrupted('SIGTERM', 'echo ready; exec sleep 100')) === 143,
);
const nested = run(
  sh(
    `a=$DOCKER_HOST; b=$(${launcher} sh -c 'echo $DOCKER_HOST'); c=$(${launcher} --private sh -c 'echo $DOCKER_HOST'); [ $a = $b ] && [ $a != $c ] && echo right`,
  ),
);
check(
  'uses an engine that is there, and starts another when told to',
  nested.stdout === 'right',
  nested.stderr,
);
const broken = run(
  sh(`ip link delete docker0; ${launcher} sh -c '[ $DOCKER_HOST != '$DOCKER_HOST' ] && echo other'`),
);
check(
  'passes over an engine whose bridge is broken',
  broken.stdout === 'other' && broken.stderr.includes('bridge'),
  broken.stderr,
);
const absent = run(['sh', '-c', 'echo $DOCKER_HOST'], {
  ...process.env,
  DOCKER_HOST: 'unix:///nonexistent.sock',
});
check(
  'passes over an engine that is not there',
  absent.status === 0 && absent.stdout.startsWith('unix://') && absent.stdout !== 'unix:///nonexistent.sock',
  absent.stderr,
);
const remote = run([
  '--remote',
  'sh',
  '-c',
  `cd "$0" && node --import tsx scripts/image-kit/main.ts busybox >/dev/null && folder=$(mktemp -d) || exit 3
  env -u DOCKER_TLS_VERIFY -u DOCKER_CERT_PATH docker version >/dev/null 2>&1 && exit 4
  docker run --rm busybox:1 true || exit 5
  docker run --rm --mount type=bind,source=$folder,target=/x busybox:1 true 2>/dev/null && exit 6
  rmdir "$folder"; echo "$DOCKER_HOST $DOCKER_TLS_VERIFY"`,
  root,
]);
check(
  'an engine as on another machine is reached by TLS only, runs containers and sees no temporary folder',
  remote.status === 0 && /^tcp:\/\/127\.0\.0\.1:\d+ 1$/.test(remote.stdout),
  `${remote.status} ${remote.stdout} ${remote.stderr}`,
);
const podman = run([
  '--podman',
  'sh',
  '-c',
  `cd "$0" && node --import tsx scripts/image-kit/main.ts busybox >/dev/null || exit 3
  docker version --format '{{range .Server.Components}}{{.Name}};{{end}}'
  docker run --rm --network none busybox:1 echo inside || exit 4
  docker run -d --network none busybox:1 sleep 1000 >/dev/null`,
  root,
]);
check(
  'a service of Podman runs containers',
  podman.status === 0 && /^Podman Engine;.*\ninside$/s.test(podman.stdout),
  `${podman.status} ${podman.stdout} ${podman.stderr}`,
);
check('keeps to itself what engines share', sharedThere() === sharedBefore, sharedThere());
const after = leftovers().filter((name) => !before.includes(name));
check('leaves nothing behind', after.length === 0, after.join(' '));

console.log(`${totals.passed} passed, ${totals.failed} failed, 0 skipped`);
process.exitCode = totals.failed === 0 ? 0 : 1;
