/** The container-runtime checks of the CIS Docker Benchmark 1.6.0 (section 5) for a default job, each by what the job, or the host's /proc, sees. */
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { createRuntime, type Runtime } from 'berthkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildVariant } from '../../scripts/image-kit/image-kit.js';
import { type EngineProxy, startEngineProxy } from '../proxy/engine-proxy.js';
import { engineSays } from './engine-says.js';
import { temporaryFolder } from './setup.js';
import { connectToEngine, isRemote } from './test-engine.js';
import { testWorkspace } from './test-workspace.js';

/** Prints one section for each fact; what is tried says whether it could be done. */
const SCRIPT = `
say() { echo "== $1"; shift; "$@" 2>/dev/null; }
try() { echo "== $1"; shift; if sh -c "$*" >/dev/null 2>&1; then echo yes; else echo no; fi; }
first() { for file; do [ -r "$file" ] && { cat "$file"; return; }; done; }
cg=/sys/fs/cgroup
say status cat /proc/self/status
say mounts cat /proc/self/mountinfo
say processes ps -o comm
say interfaces ls /sys/class/net
say routes tail -n +2 /proc/net/route
say listening sh -c 'tail -q -n +2 /proc/net/tcp /proc/net/tcp6 /proc/net/udp'
say devices find /dev '(' -type b -o -type c ')'
say sockets find / -type s
say files sh -c 'ulimit -n'
say core sh -c 'ulimit -c'
say memory first $cg/memory/memory.limit_in_bytes $cg/memory.max
say cpu first $cg/cpu/cpu.cfs_quota_us $cg/cpu.max
say processesMost first $cg/pids/pids.max $cg/pids.max
say appArmor cat /proc/self/attr/current
say health cat /tmp/health
try writeRoot 'echo x > /probe'
try writeSystem 'echo 0 > /proc/sys/kernel/sysrq'
try mount 'mkdir -p /tmp/m && mount -t tmpfs none /tmp/m'
try device 'mknod /tmp/disk b 8 0'
try newNamespace 'unshare -m true'
try hostName 'hostname other'
try otherUser 'su nobody -s /bin/sh -c true'
echo started >> /workspace/starts; trap 'exit 3' TERM; echo "== end"; while :; do sleep 0.1; done
`;

interface Seen {
  /** By section. */
  readonly facts: Readonly<Record<string, string>>;
  /** Of the job's main process, as the host sees it. */
  readonly host: {
    readonly namespaces: Readonly<Record<string, string>>;
    readonly userIds: string;
    readonly cgroup: string;
    readonly interfaces: string;
  };
  readonly calls: readonly string[];
  /** What the job wrote down of each of its starts. */
  readonly starts: string;
}

const NAMESPACES = ['net', 'pid', 'ipc', 'uts', 'mnt', 'user'];
const namespacesOf = (pid: number | string): Readonly<Record<string, string>> =>
  Object.fromEntries(NAMESPACES.map((name) => [name, readlinkSync(`/proc/${String(pid)}/ns/${name}`)]));

let seen: Seen;
let proxy: EngineProxy;
let runtime: Runtime;

beforeAll(async () => {
  proxy = await startEngineProxy({ engine: connectToEngine });
  // A health check of the image's, which a job must not have.
  const image = await buildVariant({ changes: ['HEALTHCHECK --interval=1s CMD touch /tmp/health'] });
  const workspaceRoot = `${await temporaryFolder()}/root`;
  runtime = createRuntime({ workspaceRoot, engine: { host: proxy.host }, workspace: testWorkspace });
  const stored: Record<string, string> = {};
  const handle = runtime.startJob(
    {
      slug: 'cis',
      docker: {
        image,
        command: ['sh', '/workspace/script'],
        outputs: [{ workspacePath: 'starts', upload: 'caller' }],
      },
    },
    {
      files: { script: SCRIPT },
      outputTo: {
        stat: async () => Promise.resolve(null),
        async *list() {
          // Nothing is ever read from here.
        },
        read: async () => Promise.reject(new Error('not to be read')),
        async write(path, body, { sizeBytes, sha256 }) {
          const chunks: Uint8Array[] = [];
          for await (const chunk of body) chunks.push(chunk);
          stored[path] = Buffer.concat(chunks).toString();
          return { path, type: 'file', sizeBytes, sha256 };
        },
      },
    },
  );
  let name = '';
  let said = '';
  for await (const event of handle.events) {
    if (event.type === 'container_created') name = event.containerName;
    if (event.type === 'output') said += event.text;
    if (said.includes('== end')) break;
  }
  const info = (await engineSays(`/containers/${name}/json`)) as { readonly State: { readonly Pid: number } };
  const pid = info.State.Pid;
  const host = {
    namespaces: namespacesOf(pid),
    userIds: /^Uid:\s+(.*)$/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1] ?? '',
    cgroup: readFileSync(`/proc/${String(pid)}/cgroup`, 'utf8'),
    interfaces: readFileSync(`/proc/${String(pid)}/net/dev`, 'utf8'),
  };
  handle.cancel('seen');
  await handle.result;
  const facts = Object.fromEntries(
    said.split(/^== /m).map((section) => {
      const [title = '', ...lines] = section.split('\n');
      return [title, lines.join('\n').trim()] as const;
    }),
  );
  const calls = proxy.calls.map(({ method, path }) => `${method} ${path}`);
  seen = { facts, host, calls, starts: stored['starts'] ?? '' };
});
afterAll(async () => {
  await runtime.close();
  await proxy.close();
});

const fact = (name: string): string => seen.facts[name] ?? `(there is no ${name})`;
const linesOf = (text: string): readonly string[] => (text === '' ? [] : text.split('\n'));
const expectNoneOfHost = (name: string): void => {
  expect(seen.host.namespaces[name]).toMatch(/^\w+:\[\d+\]$/);
  expect(seen.host.namespaces[name]).not.toBe(namespacesOf('self')[name]);
};
/** Places of the container that are files or folders of the host, by where they are there. */
const fromHost = (): readonly (readonly [target: string, source: string])[] => {
  const mounts = linesOf(fact('mounts')).map((line) => {
    const [, , device = '', root = '', target = ''] = line.split(' ');
    return { device, root, target, type: / - (\S+) /.exec(line)?.[1] ?? '' };
  });
  // What is masked is covered by parts of its own /dev; a part of any other tmpfs is the host's.
  const whole = new Set(mounts.filter(({ root }) => root === '/').map(({ device }) => device));
  const kernels = ['proc', 'sysfs', 'cgroup', 'cgroup2', 'devpts', 'mqueue'];
  return mounts
    .filter(({ root, type }) => root !== '/' && !kernels.includes(type))
    .filter(({ device, type }) => type !== 'tmpfs' || !whole.has(device))
    .map(({ target, root }) => [target, root] as const);
};

const CHECKS: readonly (readonly [check: string, shows: string, prove: () => void | Promise<void>])[] = [
  [
    '5.1',
    'swarm mode is off',
    async () => {
      expect(await engineSays('/info')).toMatchObject({ Swarm: { LocalNodeState: 'inactive' } });
    },
  ],
  [
    '5.2',
    'its AppArmor profile is the default one where the host has AppArmor',
    () => {
      const hasAppArmor = existsSync('/sys/kernel/security/apparmor/profiles');
      if (hasAppArmor) expect(fact('appArmor')).toBe('docker-default (enforce)');
      // Open without: a property of the host.
      else expect(fact('appArmor')).not.toContain('enforce');
    },
  ],
  [
    '5.3',
    'security options are in force',
    () => {
      expect(fact('status')).toMatch(/^NoNewPrivs:\s+1$/m);
      expect(fact('status')).toMatch(/^Seccomp:\s+2$/m);
    },
  ],
  [
    '5.4',
    'it has no capability, in any set',
    () => {
      const sets = [...fact('status').matchAll(/^Cap\w+:\s+(\w+)$/gm)].map(([, bits]) => bits);
      expect(sets).toEqual(Array.from({ length: 5 }, () => '0'.repeat(16)));
    },
  ],
  [
    '5.5',
    'it is not privileged: it mounts nothing, makes no device, sets nothing of the kernel',
    () => {
      for (const tried of ['mount', 'device', 'writeSystem', 'otherUser']) {
        expect(fact(tried), tried).toBe('no');
      }
    },
  ],
  [
    '5.6',
    'of the host it sees the folder of its run alone, and what the engine itself puts there',
    () => {
      const [engines, runs] = [[], []] as [string[], string[]];
      for (const [target, source] of fromHost()) {
        (/^\/etc\/(hosts|hostname|resolv\.conf)$|^\/sbin\/docker-init$/.test(target) ? engines : runs).push(
          `${target} ${source}`,
        );
      }
      const own = isRemote
        ? /^\/workspace \S*-cis-\S+-work\/_data$/
        : /^\/workspace \S*\/run-cis-\w+\/workspace$/;
      expect(runs).toEqual([expect.stringMatching(own)]);
      expect(engines.length).toBeLessThanOrEqual(4);
    },
  ],
  [
    '5.7',
    'no server for remote shells runs in it',
    () => {
      const [, ...names] = linesOf(fact('processes'));
      expect(names.filter((name) => !['docker-init', 'sh', 'ps'].includes(name))).toEqual([]);
    },
  ],
  [
    '5.8, 5.9, 5.14',
    'nothing listens, and nothing of it is published',
    () => {
      expect(fact('listening')).toBe('');
      expect(seen.calls.some((call) => call.includes('/networks'))).toBe(false);
    },
  ],
  [
    '5.10',
    'its network is not the host’s',
    () => {
      expectNoneOfHost('net');
    },
  ],
  [
    '5.11',
    'its memory is bounded',
    () => {
      expect(fact('memory')).toBe(String(512 * 1024 ** 2));
    },
  ],
  [
    '5.12',
    'its share of the processors is bounded',
    () => {
      expect(fact('cpu')).toMatch(/^100000( 100000)?$/);
    },
  ],
  [
    '5.13',
    'its root file system is read-only',
    () => {
      expect(fact('writeRoot')).toBe('no');
      expect(fact('mounts')).toMatch(/^\d+ \d+ \S+ \S+ \/ ro,/m);
    },
  ],
  [
    '5.15',
    'it is started once and never again',
    () => {
      expect(seen.starts).toBe('started\n');
      expect(seen.calls.filter((call) => call.endsWith('/start'))).toHaveLength(1);
    },
  ],
  [
    '5.16',
    'its processes are not among the host’s',
    () => {
      expectNoneOfHost('pid');
    },
  ],
  [
    '5.17',
    'it shares no memory with the host',
    () => {
      expectNoneOfHost('ipc');
    },
  ],
  [
    '5.18',
    'it has no device of the host',
    () => {
      const usual = /^\/dev\/(null|zero|full|tty|random|urandom|console|pts\/(ptmx|\d+))$/;
      expect(linesOf(fact('devices')).filter((path) => !usual.test(path))).toEqual([]);
    },
  ],
  [
    '5.19',
    'open files and core dumps are bounded',
    () => {
      expect([fact('files'), fact('core')]).toEqual(['1024', '0']);
    },
  ],
  [
    '5.20',
    'no mount of it spreads to the host',
    () => {
      expect(linesOf(fact('mounts')).length).toBeGreaterThan(5);
      expect(fact('mounts')).not.toMatch(/ shared:\d+/);
    },
  ],
  [
    '5.21',
    'its host name is its own, and it cannot change it',
    () => {
      expectNoneOfHost('uts');
      expect(fact('hostName')).toBe('no');
    },
  ],
  [
    '5.22',
    'system calls are filtered',
    () => {
      expect(fact('status')).toMatch(/^Seccomp:\s+2$/m);
      expect(fact('newNamespace')).toBe('no');
    },
  ],
  [
    '5.23, 5.24',
    'nothing is ever executed in it from outside',
    () => {
      expect(seen.calls.filter((call) => call.includes('/exec'))).toEqual([]);
    },
  ],
  [
    '5.25',
    'its control group is one of its own, where the engine keeps them',
    () => {
      const groups = linesOf(seen.host.cgroup.trim()).filter((line) => !/:$|:\/$/.test(line));
      expect(groups.length).toBeGreaterThan(0);
      for (const line of groups) expect(line).toMatch(/[/-][0-9a-f]{64}(\.scope)?(\/init)?$/);
    },
  ],
  [
    '5.26',
    'it cannot gain privileges',
    () => {
      expect(fact('status')).toMatch(/^NoNewPrivs:\s+1$/m);
    },
  ],
  [
    '5.27',
    'it has no health check, not even its image’s',
    () => {
      // Open: nothing would act on it; a job has deadlines instead.
      expect(fact('health')).toBe('');
    },
  ],
  [
    '5.28',
    'the image can be demanded by its digest',
    async () => {
      const policy = { images: { requireDigest: true } };
      const strict = createRuntime({ policy });
      const error: unknown = await strict
        .runJob({ docker: { image: 'busybox' } })
        .catch((reason: unknown) => reason);
      await strict.close();
      expect(error).toMatchObject({ code: 'policy.denied' });
    },
  ],
  [
    '5.29',
    'the number of its processes is bounded',
    () => {
      expect(fact('processesMost')).toBe('256');
    },
  ],
  [
    '5.30',
    'it is not on the engine’s bridge: it has a loopback and no way out',
    () => {
      expect([fact('interfaces'), fact('routes')]).toEqual(['lo', '']);
      expect(seen.host.interfaces).not.toMatch(/eth|docker|veth/);
    },
  ],
  [
    '5.31',
    'on the host it is not root, and left to the engine’s own mapping of users',
    () => {
      expect(seen.host.userIds.split('\t')).not.toContain('0');
    },
  ],
  [
    '5.32',
    'no socket of the engine is in it, nor any other',
    () => {
      expect(fact('sockets')).toBe('');
    },
  ],
];

describe('a default job under the checks of CIS 1.6.0, section 5', () => {
  it.each(CHECKS)('%s: %s', async (_check, _shows, prove) => {
    await prove();
  });
});
