/** How much must be free for a run, on a small file system where this user may mount one. */
import { execFileSync } from 'node:child_process';
import { open, readdir, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createRuntime,
  type JobDefinition,
  memoryStorage,
  type RunOptions,
  type RunResult,
  type RuntimeConfigInput,
  type RuntimeEvent,
  type StorageAdapter,
} from 'berthkit';
import { fakeEngine, type FakeEngineScript } from 'berthkit/testing';
import { describe, expect, it, vi } from 'vitest';
import { diskShortage, requireFreeSpace, shortageOf } from '../../src/workspace/disk-shortage.js';
import { isRoot, scratch } from '../host/scratch.js';
import { settle, setUp, type Setup } from '../run-fixture.js';
import { smallFileSystem } from './small-file-system.js';

const MIB = 1024 ** 2;
const JOB = { slug: 'job', docker: { image: 'busybox:1', command: ['work'] } };

describe('a disk that is too full', () => {
  it('refuses a run before anything is made, with an error that is worth another try', async () => {
    const setup = setUp({}, {}, { workspace: { minFreeBytes: 2 ** 52 } });
    expect(await setup.runtime.readiness()).toMatchObject({
      ready: false,
      reason: expect.stringContaining('less than workspace.minFreeBytes') as string,
    });
    expect(await settle(setup, {}, JOB)).toMatchObject({
      code: 'runtime.disk_low',
      category: 'infrastructure',
      retryable: true,
      phase: 'queue',
    });
    expect(setup.engine.calls.map(({ call }) => call)).not.toContain('images.inspect');
  });

  it('gives the place of the run it refuses to the next', async () => {
    const setup = setUp({}, {}, { maxConcurrentRuns: 1, workspace: { minFreeBytes: 2 ** 52 } });
    const both = await Promise.allSettled([setup.runtime.runJob(JOB), setup.runtime.runJob(JOB)]);
    for (const outcome of both) expect(outcome).toMatchObject({ reason: { code: 'runtime.disk_low' } });
    await setup.runtime.close();
  });

  it.skipIf(!isRoot)(
    'while jobs run is the end of the one that holds most, and of no other, laid to the host',
    async () => {
      const root = join(await smallFileSystem(), 'root');
      const config = { workspaceRoot: root, workspace: { minFreeBytes: 3 * MIB, minFreeInodes: 0 } };
      const ended = { greedy: false };
      const told: RuntimeEvent[] = [];
      const setup = setUp(
        {
          run: async (job) => {
            const isGreedy = job.spec.command?.[0] === 'greedy';
            await job.writeFile('/workspace/f', Buffer.alloc(isGreedy ? 3 * MIB : 1.5 * MIB));
            if (isGreedy) await job.writeFile('/workspace/g', Buffer.alloc(MIB)).catch(() => undefined);
            while (!ended.greedy && !job.killed.aborted) {
              await new Promise((resolve) => setTimeout(resolve, 20));
            }
            return { exitCode: 0 };
          },
        },
        { onRuntimeEvent: (event) => told.push(event) },
        config,
      );
      const run = async (command: string): Promise<RunResult> =>
        setup.runtime.runJob(
          { slug: command, docker: { image: 'busybox:1', command: [command] } },
          { idempotencyKey: command },
        );
      const greedy = run('greedy').finally(() => (ended.greedy = true));
      const [first, second] = await Promise.all([greedy, run('modest')]);
      expect(first).toMatchObject({
        status: 'failed',
        reason: 'evicted',
        category: 'infrastructure',
        retryable: true,
        exitCode: 137,
        message: expect.stringContaining('was ended to make room') as string,
        evidence: [
          {
            by: 'watcher',
            what: expect.stringContaining('less than workspace.minFreeBytes (3145728)') as string,
          },
          { by: 'watcher', what: 'SIGKILL was sent' },
          { by: 'watcher' },
        ],
      });
      expect(second).toMatchObject({ status: 'succeeded' });
      expect(told).toMatchObject([{ type: 'disk_low', message: expect.stringContaining(root) as string }]);
      expect(setup.runtime.stats()).toMatchObject({ isDiskLow: true, totals: { ended: { evicted: 1 } } });
      // Its key stands for it no more.
      const again = await run('greedy');
      expect(again.runId).not.toBe(first.runId);
      await setup.runtime.close();
      expect(await readdir(root)).toEqual([]);
    },
  );

  it.skipIf(!isRoot)('while jobs run counts what they were given to whoever has it', async () => {
    const root = join(await smallFileSystem(), 'root');
    const hasInput = { type: 'filestorePath', backendMountId: 'in', path: '/a' } as const;
    const config = { workspaceRoot: root, workspace: { minFreeBytes: 4 * MIB, minFreeInodes: 0 } };
    const over = new AbortController();
    const run: FakeEngineScript['run'] = async (job) => {
      if (job.spec.command?.[0] === 'small') await job.writeFile('/workspace/f', Buffer.alloc(2 * MIB));
      while (!over.signal.aborted && !job.killed.aborted)
        await new Promise((resolve) => setTimeout(resolve, 20));
      return { exitCode: 0 };
    };
    const storage = { in: memoryStorage({ a: Buffer.alloc(3 * MIB) }) };
    const { runtime } = setUp({ run }, { storage }, config);
    const inputs = [{ source: hasInput, workspacePath: 'a' }];
    const large = runtime.startJob({ docker: { image: 'busybox:1', command: ['large'], inputs } });
    void large.result.finally(() => {
      over.abort();
    });
    await vi.waitFor(() => expect(runtime.stats().totals.stagedBytes).toBe(3 * MIB), { timeout: 60_000 });
    const small = await runtime.runJob({ docker: { image: 'busybox:1', command: ['small'] } });
    expect(await large.result).toMatchObject({ reason: 'evicted' });
    expect(small).toMatchObject({ reason: 'completed' });
    await runtime.close();
  });

  it.skipIf(!isRoot)(
    'while jobs run by what nobody can see is the end of the one that came last',
    async () => {
      const root = join(await smallFileSystem(), 'root');
      const config = { workspaceRoot: root, workspace: { minFreeBytes: 4 * MIB, minFreeInodes: 0 } };
      const run: FakeEngineScript['run'] = async (job) => {
        const path = join(root, 'unnamed');
        const file = await open(path, 'w');
        await unlink(path);
        await file.write(Buffer.alloc(5 * MIB));
        while (!job.killed.aborted) await new Promise((resolve) => setTimeout(resolve, 20));
        await file.close();
        return { exitCode: 0 };
      };
      // In an eighth of the time.
      const clock = { now: () => Date.now(), monotonic: () => performance.now() * 8 };
      const { runtime } = setUp({ run }, { clock }, config);
      expect(await runtime.runJob(JOB)).toMatchObject({
        reason: 'evicted',
        message: expect.stringContaining('no run is seen to hold much, and the one that came last') as string,
      });
      await runtime.close();
    },
  );

  describe.skipIf(!isRoot)('by what is staged', () => {
    /** A job with an input of a size, on a file system of which half is to stay free. */
    const staging = async (
      storage: StorageAdapter,
      options: RunOptions = {},
    ): Promise<{ outcome: unknown; setup: Setup; told: RuntimeEvent[] }> => {
      const root = join(await smallFileSystem(), 'root');
      const config = { workspaceRoot: root, workspace: { minFreeBytes: 4 * MIB, minFreeInodes: 0 } };
      const told: RuntimeEvent[] = [];
      const setup = setUp({}, { storage: { in: storage }, onRuntimeEvent: (e) => told.push(e) }, config);
      const source = { type: 'filestorePath', backendMountId: 'in', path: '/a' } as const;
      const docker = { image: 'busybox:1', inputs: [{ source, workspacePath: 'a' }] };
      const outcome = await settle(setup, options, { docker });
      expect(await readdir(root)).toEqual([]);
      return { outcome, setup, told };
    };
    const low = { code: 'runtime.disk_low', retryable: true, phase: 'stage' };

    it('refuses inputs before the first of their bytes, where their size is known', async () => {
      const storage = memoryStorage({ a: Buffer.alloc(5 * MIB) });
      const read = vi.spyOn(storage, 'read');
      const { outcome, setup, told } = await staging(storage);
      expect(outcome).toMatchObject({
        ...low,
        message: expect.stringContaining('5242880 bytes of inputs would leave less than') as string,
      });
      expect(read).not.toHaveBeenCalled();
      expect(told).toMatchObject([{ type: 'disk_low' }]);
      expect(setup.engine.calls.map(({ call }) => call)).not.toContain('containers.create');
    });

    it('takes inputs that leave enough', async () => {
      const { outcome } = await staging(memoryStorage({ a: Buffer.alloc(3 * MIB) }));
      expect(outcome).toMatchObject({ status: 'succeeded' });
    });

    it.each([
      ['while they come', 3_600_000],
      ['when they have come', 0],
    ])('ends the staging of files whose size nobody announced, %s', async (_, restMs) => {
      const endless = async function* (): AsyncGenerator<Uint8Array> {
        yield Buffer.alloc(5 * MIB);
        if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs).unref());
      };
      const { outcome } = await staging(memoryStorage({ a: 'x' }), { files: { f: endless() } });
      expect(outcome).toMatchObject({
        ...low,
        message: expect.stringContaining('bytes free, less than') as string,
      });
    });
  });

  it.skipIf(!isRoot)('is told by bytes and by inodes as a file system fills', async () => {
    const root = await smallFileSystem();
    const floor = { minFreeBytes: 4 * MIB, minFreeInodes: 100 };
    // The root itself need not be there yet.
    const beneath = join(root, 'not/there/yet');
    expect(await diskShortage(beneath, floor)).toBeNull();
    await writeFile(join(root, 'large'), Buffer.alloc(5 * MIB));
    expect(await diskShortage(beneath, floor)).toContain('less than workspace.minFreeBytes (4194304)');
    await writeFile(join(root, 'large'), '');
    for (let index = 0; index < 120; index += 1) await writeFile(join(root, `f${String(index)}`), '');
    expect(await diskShortage(beneath, floor)).toContain('less than workspace.minFreeInodes (100)');
    expect(await diskShortage(beneath, { ...floor, minFreeInodes: 0 })).toBeNull();
  });

  it.skipIf(!isRoot)('fails a run without leaving anything where nothing is kept free', async () => {
    const root = await smallFileSystem();
    const run = async (job: { writeFile(path: string, content: Buffer): Promise<void> }) => {
      await job.writeFile('/workspace/large', Buffer.alloc(7 * MIB));
      return { exitCode: 0 };
    };
    const config: RuntimeConfigInput = {
      workspaceRoot: root,
      workspace: { minFreeBytes: 0, minFreeInodes: 0 },
    };
    await writeFile(join(root, 'taken'), Buffer.alloc(8 * MIB)).catch(() => undefined);
    const runtime = createRuntime(config, { engine: fakeEngine({ run }) });
    await expect(runtime.runJob(JOB, { files: { a: Buffer.alloc(MIB) } })).rejects.toMatchObject({
      code: 'workspace.failed',
    });
    await runtime.close();
    expect(execFileSync('ls', [root], { encoding: 'utf8' }).trim()).toBe('taken');
  });
});

describe('what is too little', () => {
  const floor = { minFreeBytes: 100, minFreeInodes: 10 };
  const where = 'the file system of workspaceRoot (/w) has';

  it.each([
    ['just enough', { bytes: 100, inodes: 10 }, null],
    ['enough where inodes are not counted', { bytes: 100, inodes: null }, null],
    [
      'one byte less',
      { bytes: 99, inodes: 9 },
      `${where} 99 bytes free, less than workspace.minFreeBytes (100)`,
    ],
    [
      'one inode less',
      { bytes: 100, inodes: 9 },
      `${where} 9 inodes free, less than workspace.minFreeInodes (10)`,
    ],
  ])('is told in words: %s', (_, free, words) => {
    expect(shortageOf(free, '/w', floor)).toBe(words);
  });

  it('is an error that says what to do about it', async () => {
    const root = await scratch();
    await expect(requireFreeSpace(root, { ...floor, minFreeBytes: 2 ** 60 })).rejects.toMatchObject({
      code: 'runtime.disk_low',
      message: expect.stringContaining(`(${root})`) as string,
      hint: 'free some space there, or set another workspaceRoot',
    });
    await requireFreeSpace(root, { minFreeBytes: 1, minFreeInodes: 0 });
  });

  it('is not told of a place that cannot be looked at', async () => {
    const file = join(await scratch(), 'file');
    await writeFile(file, '');
    const beneath = join(file, 'root');
    const everything = { minFreeBytes: 2 ** 60, minFreeInodes: 2 ** 60 };
    expect(await diskShortage(beneath, everything)).toBeNull();
    await requireFreeSpace(beneath, everything);
  });
});

describe('all workspaces together', () => {
  it('hold no more than their total: a run that would waits for one to end', async () => {
    let running = 0;
    let most = 0;
    const run = async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 50));
      running -= 1;
      return { exitCode: 0 };
    };
    const config = { maxConcurrentRuns: 10, workspace: { maxBytes: '1GiB', maxTotalBytes: '2GiB' } };
    const { runtime } = setUp({ run }, {}, config);
    const results = await Promise.all(Array.from({ length: 6 }, async () => runtime.runJob(JOB)));
    expect(results.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 'succeeded'));
    expect(most).toBe(2);
    await runtime.close();
  });

  describe('hold their inputs, too', () => {
    // Two may begin, and only one of them has room for its input.
    const total = { maxBytes: 2 * MIB, maxTotalBytes: 8 * MIB };
    const withInput: JobDefinition = {
      slug: 'job',
      docker: {
        image: 'busybox:1',
        inputs: [{ source: { type: 'filestorePath', backendMountId: 'in', path: '/a' }, workspacePath: 'a' }],
      },
    };
    const storage = { in: memoryStorage({ a: Buffer.alloc(3 * MIB) }) };

    it('so that a run waits until there is room for them, without a place of its own', async () => {
      let running = 0;
      const seen: [number, number][] = [];
      const run = async () => {
        running += 1;
        seen.push([running, setup.runtime.stats().reserved.workspaceBytes]);
        await new Promise((resolve) => setTimeout(resolve, 50));
        running -= 1;
        return { exitCode: 0 };
      };
      const setup = setUp({ run }, { storage }, { maxConcurrentRuns: 10, workspace: total });
      const results = await Promise.all([1, 2, 3].map(async () => setup.runtime.runJob(withInput)));
      expect(results.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded']);
      // Those that wait may have a place already for what they write.
      for (const [together, reserved] of seen) {
        expect(together).toBe(1);
        expect(reserved).toBeLessThanOrEqual(8 * MIB);
        expect(reserved).toBeGreaterThanOrEqual(5 * MIB);
      }
      await setup.runtime.close();
      expect(setup.runtime.stats()).toMatchObject({ running: 0, queued: 0, reserved: { workspaceBytes: 0 } });
    });

    it('so that a run whose inputs could never fit is refused before the first of their bytes', async () => {
      const setup = setUp({}, { storage }, { workspace: { ...total, maxTotalBytes: 4 * MIB } });
      expect(await settle(setup, {}, withInput)).toMatchObject({
        code: 'runtime.over_budget',
        phase: 'stage',
        details: { limit: 'workspace.maxTotalBytes', asked: 5 * MIB, allowed: 4 * MIB },
      });
    });

    it.each([
      ['is cancelled', {}, { status: 'cancelled' }],
      ['takes too long to stage', { timeouts: { stageMs: 200 } }, { code: 'workspace.stage_timed_out' }],
    ] as const)('and a run that waits for that and %s leaves nothing', async (how, options, end) => {
      const setup = setUp(
        { run: async (job) => job.sleepUntilKilled() },
        { storage },
        { workspace: total, maxConcurrentRuns: 2 },
      );
      const first = setup.runtime.startJob(withInput);
      await vi.waitFor(() => expect(first.summary().state).toBe('running'), { timeout: 60_000 });
      await vi.waitFor(() => expect(setup.runtime.stats().reserved.workspaceBytes).toBe(5 * MIB), {
        timeout: 60_000,
      });
      const second = setup.runtime.startJob(withInput, options);
      if (how === 'is cancelled') {
        const isWaiting = (): void => expect(setup.runtime.stats().queued).toBe(1);
        await vi.waitFor(isWaiting, { timeout: 60_000 });
        second.cancel();
      }
      expect(await second.result.catch((error: unknown) => error)).toMatchObject(end);
      expect(setup.runtime.stats()).toMatchObject({ running: 1, queued: 0 });
      first.cancel();
      await first.result;
      await setup.runtime.close();
      expect(setup.runtime.stats()).toMatchObject({ running: 0, reserved: { workspaceBytes: 0 } });
    });
  });

  it.each([['3GiB'], ['unlimited']])('cannot be less than one may hold (%s)', (maxBytes) => {
    expect(() => createRuntime({ workspace: { maxBytes, maxTotalBytes: '2GiB' } })).toThrow(
      /workspace.maxTotalBytes: must not be less than workspace.maxBytes/,
    );
  });
});
