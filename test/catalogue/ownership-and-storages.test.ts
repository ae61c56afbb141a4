/** Whose things are, and storages that are wrong: each case with the end that is safe. On the fake engine and a real folder. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  createRuntime,
  type JobDefinition,
  memoryRunStore,
  memoryStorage,
  type RunResult,
  type StorageAdapter,
} from 'berthkit';
import { fakeEngine } from 'berthkit/testing';
import { describe, expect, it } from 'vitest';
import { createWorkspace } from '../../src/workspace/create.js';
import { ownParts, startChildOwner } from '../host/child-owner.js';
import { trial } from './fixture.js';

const YEAR_MS = 366 * 86_400_000;

describe('a wall clock that jumps', () => {
  it('makes nobody dead and nothing old, neither forwards nor backwards', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'berthkit-catalogue-'));
    const root = join(folder, 'root');
    const { owner: alive, end } = await startChildOwner();
    const [boot = '', namespace = '', ...rest] = ownParts();
    const elsewhere = [boot, String(Number(namespace) + 1), ...rest].join('.');
    const runStore = memoryRunStore();
    const lease = { instance: 'here', machine: null, renewals: 1, renewedAt: new Date(0).toISOString() };
    for (const owner of [alive, elsewhere]) await runStore.renewLease({ ...lease, owner });
    const user = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const left: string[] = [];
    for (const [index, owner] of [alive, elsewhere].entries()) {
      const mark = { instance: 'here', owner, runId: `r${String(index)}` };
      left.push(basename((await createWorkspace(root, { name: 'left', user, mark })).path));
    }
    const time = { ms: Date.now() };
    const clock = { now: () => time.ms, monotonic: () => performance.now() };
    const recovery = { leaseExpiryMs: 3_600_000 };
    const runtime = createRuntime(
      { workspaceRoot: root, instanceId: 'here', recovery },
      { engine: fakeEngine(), runStore, clock },
    );
    try {
      for (const byMs of [0, 20 * YEAR_MS, -40 * YEAR_MS]) {
        time.ms += byMs;
        const { actions, leftAlone } = await runtime.reconcile();
        expect(actions).toEqual([]);
        expect(leftAlone.map(({ why }) => why).sort()).toEqual(['alive', 'owner_unknown']);
        expect([...(await readdir(root))].sort()).toEqual([...left].sort());
      }
    } finally {
      await runtime.close();
      await end();
      await rm(folder, { recursive: true, force: true });
    }
  });
});

/** A job with one input and, where told, one output in each storage. */
function job(outputs: readonly string[] = []): JobDefinition {
  return {
    slug: 'storages',
    docker: {
      image: 'busybox:1',
      inputs: [{ source: { type: 'filestorePath', backendMountId: 'in', path: '/in' }, workspacePath: 'in' }],
      outputs: outputs.map((mount) => ({
        workspacePath: `${mount}.txt`,
        upload: { backendMountId: mount, pathTemplate: `${mount}.txt` },
      })),
    },
  };
}

async function* bytes(...chunks: readonly (string | Error)[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const chunk of chunks) {
    await Promise.resolve();
    if (chunk instanceof Error) throw chunk;
    yield Buffer.from(chunk);
  }
}

const input = (): StorageAdapter => memoryStorage({ in: '12345' });
const created = (calls: readonly { readonly call: string }[]): number =>
  calls.filter(({ call }) => call === 'containers.create').length;

describe('a storage that gives an input', () => {
  const READS: readonly (readonly [string, Partial<StorageAdapter>, string])[] = [
    ['and hangs', { read: () => new Promise<never>(() => undefined) }, 'workspace.stage_timed_out'],
    ['that is short', { read: () => Promise.resolve(bytes('1234')) }, 'storage.failed'],
    ['that is longer than it said', { read: () => Promise.resolve(bytes('123456')) }, 'storage.failed'],
    [
      'with another checksum than it said',
      {
        stat: (path) => Promise.resolve({ path, type: 'file', sizeBytes: 5, sha256: 'a'.repeat(64) }),
      },
      'storage.failed',
    ],
    [
      'and throws in the middle',
      { read: () => Promise.resolve(bytes('123', new Error('line cut'))) },
      'storage.failed',
    ],
  ];

  it.each(READS)('%s: nothing runs, and what came of it is gone', async (_how, overrides, code) => {
    const { outcome, engine } = await trial(job(), {
      ports: { storage: { in: { ...input(), ...overrides } } },
      options: { timeouts: { stageMs: 1_000 } },
    });
    expect(outcome).toMatchObject({ code });
    expect(created(engine.calls)).toBe(0);
  });

  it('that is compressed: it is not unpacked, however large it would be', async () => {
    const packed = gzipSync(Buffer.alloc(50 * 1024 ** 2));
    let seen = Buffer.alloc(0);
    const { outcome } = await trial(job(), {
      script: {
        run: async (work) => {
          seen = Buffer.from(await work.readFile('/workspace/in'));
          return { exitCode: 0 };
        },
      },
      ports: { storage: { in: memoryStorage({ in: packed }) } },
    });
    expect(outcome).toMatchObject({ status: 'succeeded' });
    expect(seen.equals(packed)).toBe(true);
  });
});

describe('a storage that takes an output', () => {
  const script = {
    run: async (work: { writeFile(path: string, content: string): Promise<void> }) => {
      for (const name of ['out', 'other']) await work.writeFile(`/workspace/${name}.txt`, `new ${name}`);
      return { exitCode: 0 };
    },
  };

  it('and throws after it stored it: it is asked again with the same key, and the job does not run again', async () => {
    const out = memoryStorage();
    const keys: string[] = [];
    const write: StorageAdapter['write'] = async (path, body, options) => {
      keys.push(options.idempotencyKey);
      const entry = await out.write(path, body, options);
      if (keys.length === 1) throw new Error('the answer was lost');
      return entry;
    };
    const { outcome, engine } = await trial(job(['out']), {
      script,
      ports: { storage: { in: input(), out: { stat: out.stat, list: out.list, read: out.read, write } } },
    });
    expect(outcome).toMatchObject({ status: 'succeeded', outputs: [{ state: 'uploaded' }] });
    expect(Object.values(out.files()).map(String)).toHaveLength(1);
    expect(new Set(keys).size).toBe(1);
    expect(created(engine.calls)).toBe(1);
  });

  it('and has it already: what is there stays, and the error says so with what the job came to', async () => {
    const out = memoryStorage({ 'out.txt': 'old' });
    const { outcome, engine } = await trial(job(['out']), {
      script,
      ports: { storage: { in: input(), out } },
    });
    expect(outcome).toMatchObject({ code: 'storage.exists', result: { status: 'succeeded', exitCode: 0 } });
    expect(Buffer.from(out.files()['out.txt'] ?? '').toString()).toBe('old');
    expect(created(engine.calls)).toBe(1);
  });

  it('and fails, beside one that does not: each output has its own state, and the job does not run again', async () => {
    const other = { ...memoryStorage(), write: () => Promise.reject(new Error('down')) };
    const out = memoryStorage();
    const { outcome, engine } = await trial(job(['out', 'other']), {
      script,
      ports: {
        storage: { in: input(), out, other },
        clock: { now: Date.now, monotonic: () => performance.now(), pause: () => Promise.resolve() },
      },
    });
    expect(outcome).toMatchObject({ code: 'storage.failed' });
    const { outputs } = (outcome as { readonly result?: RunResult }).result ?? { outputs: [] };
    expect(outputs.map(({ workspacePath, state }) => [workspacePath, state])).toEqual([
      ['out.txt', 'uploaded'],
      ['other.txt', 'failed'],
    ]);
    expect(Object.keys(out.files())).toEqual(['out.txt']);
    expect(created(engine.calls)).toBe(1);
  });
});
