/** Installs what a private engine needs and is missing; Debian and Ubuntu, as root. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const SEARCH_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const PACKAGES = [
  { name: 'docker.io', programs: ['dockerd', 'containerd', 'runc'] },
  { name: 'iproute2', programs: ['ip'] },
  { name: 'iptables', programs: ['iptables'] },
  { name: 'busybox-static', programs: ['busybox'] },
  { name: 'python3', programs: ['python3'] },
  // Not for the engine, but for tests of the ways to one.
  { name: 'openssh-client', programs: ['ssh', 'ssh-keygen'] },
  { name: 'openssl', programs: ['openssl'] },
  // Nor this one: for tests of registries.
  { name: 'docker-registry', programs: ['docker-registry'] },
];

/** Only where a private engine is to run containers in another way than by runc. */
const RUNTIMES = { runsc: { name: 'runsc', programs: ['runsc'] } };

/** Only for a private Podman; catatonit is its init process. Both run containers by runc, which comes with the first list. */
export const PODMAN = 'podman';
const PODMAN_PACKAGES = [
  { name: 'podman', programs: ['podman'] },
  { name: 'catatonit', programs: ['catatonit'] },
];

const isThere = (program) => SEARCH_PATH.some((folder) => existsSync(`${folder}/${program}`));
const additionsFor = (kind) => {
  if (kind === null) return [];
  return kind === PODMAN ? PODMAN_PACKAGES : [RUNTIMES[kind]];
};
const missing = (kind) =>
  [...PACKAGES, ...additionsFor(kind)]
    .filter(({ programs }) => !programs.every(isThere))
    .map(({ name }) => name);

/** Why this machine cannot have a private engine, null if it can. `kind`: the runtime its containers are to run in, or `podman`. */
export function privateEngineProblem(kind = null) {
  if (kind !== null && kind !== PODMAN && !Object.hasOwn(RUNTIMES, kind))
    return `the runtime has to be one of ${Object.keys(RUNTIMES).join(', ')}`;
  if (process.platform !== 'linux') return `a private engine needs Linux, and this is ${process.platform}`;
  if (process.getuid() !== 0) return 'a private engine needs root';
  if (missing(kind).length === 0) return null;
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  if (!/^(ID|ID_LIKE)=.*(debian|ubuntu)/m.test(release)) {
    return `missing: ${missing(kind).join(', ')} (installed by itself only on Debian and Ubuntu)`;
  }
  return null;
}

const POLICY = '/usr/sbin/policy-rc.d';

/** Installs missing packages without letting them start any service. Throws with apt's words when that fails. */
export function installMissingPackages(kind = null) {
  const packages = missing(kind);
  if (packages.length === 0) return;
  process.stderr.write(`with-engine: installing ${packages.join(' ')}\n`);
  const ownPolicy = !existsSync(POLICY);
  if (ownPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const apt = (...words) =>
      spawnSync('apt-get', ['-q', ...words], { env, encoding: 'utf8', timeout: 600_000 });
    apt('update');
    const done = apt('install', '-y', '--no-install-recommends', ...packages);
    if (done.status !== 0)
      throw new Error(`apt-get could not install ${packages.join(' ')}:\n${done.stdout}${done.stderr}`);
  } finally {
    if (ownPolicy) rmSync(POLICY, { force: true });
  }
}
