/** Limits that end a job while it runs, through a runtime on the fake engine. */
import {
  assertSucceeded,
  createRuntime,
  memoryStorage,
  type RunResult,
  type RuntimeConfigInput,
} from 'berthkit';
import { fakeEngine, type FakeEngineScript, type FakeExit, type FakeJob } from 'berthkit/testing';
import { describe, expect, it, vi } from 'vitest';
import { settle, setUp } from './run-fixture.js';

const JOB = { slug: 'job', docker: { image: 'busybox:1', command: ['work'] } };
const MIB = 1024 ** 2;

describe('a workspace that holds more than it may', () => {
  it.each([
    ['bytes', { workspace: { maxBytes: MIB } }, 'more than 1048576 bytes (workspace.maxBytes)'],
    ['entries', { workspace: { maxEntries: 3 } }, 'more than 3 files and folders (workspace.maxEntries)'],
  ] as const)('in %s ends the job at once, without grace', async (what, config, message) => {
    const onTerm = vi.fn();
    const setup = setUp(
      {
        run: async (job) => {
          job.onSignal('SIGTERM', onTerm);
          const files = what === 'bytes' ? 1 : 5;
          for (let index = 0; index < files; index += 1)
            await job.writeFile(`/workspace/f${String(index)}`, Buffer.alloc(what === 'bytes' ? 2 * MIB : 1));
          return job.sleepUntilKilled();
        },
      },
      {},
      config,
    );
    expect(await settle(setup, {}, JOB)).toMatchObject({
      status: 'failed',
      reason: 'disk_limit_exceeded',
      category: 'limit',
      retryable: false,
      exitCode: 137,
      message: expect.stringContaining(message) as string,
      evidence: [
        { by: 'watcher', what: `the workspace holds ${message}` },
        { by: 'watcher', what: 'SIGKILL was sent' },
        { by: 'watcher', what: 'exit code 137' },
      ],
    });
    expect(onTerm).not.toHaveBeenCalled();
  });

  it('is found out also when the job has ended by then', async () => {
    const run = async (job: { writeFile(path: string, content: Buffer): Promise<void> }) => {
      await job.writeFile('/workspace/f', Buffer.alloc(2 * MIB));
      return { exitCode: 0 };
    };
    const result = await settle(setUp({ run }, {}, { workspace: { maxBytes: MIB } }), {}, JOB);
    expect(result).toMatchObject({ reason: 'disk_limit_exceeded', category: 'limit' });
    expect((result as RunResult).evidence[0]).toMatchObject({ by: 'watcher' });
  });

  it('is none up to the limit, and none where there is no limit', async () => {
    const run = async (job: { writeFile(path: string, content: Buffer): Promise<void> }) => {
      await job.writeFile('/workspace/f', Buffer.alloc(MIB));
      return { exitCode: 0 };
    };
    for (const config of [
      { workspace: { maxBytes: MIB, maxEntries: 1 } },
      { workspace: { maxBytes: null, maxEntries: null } },
    ]) {
      const { runtime } = setUp({ run }, {}, config);
      assertSucceeded(await runtime.runJob(JOB));
      await runtime.close();
    }
  });
});

describe('a root file system that may be written to', () => {
  const relaxed = (rootBytes: number | null): RuntimeConfigInput => ({
    policy: { security: { readOnlyRootFilesystem: false, rootBytes } },
  });
  const fills =
    (andThen: (job: FakeJob) => Promise<FakeExit>): FakeEngineScript['run'] =>
    async (job) => {
      await job.writeFile('/var/big', Buffer.alloc(2 * MIB));
      return andThen(job);
    };
  const ends = async (): Promise<FakeExit> => Promise.resolve({ exitCode: 0 });

  it('ends the job that writes more to it than it may, at once', async () => {
    const onTerm = vi.fn();
    const run = fills(async (job) => {
      job.onSignal('SIGTERM', onTerm);
      return job.sleepUntilKilled();
    });
    expect(await settle(setUp({ run }, {}, relaxed(MIB)), {}, JOB)).toMatchObject({
      status: 'failed',
      reason: 'disk_limit_exceeded',
      exitCode: 137,
      evidence: [
        {
          by: 'watcher',
          what: 'the job wrote more than 1048576 bytes to its root file system (policy.security.rootBytes)',
        },
        { by: 'watcher' },
        { by: 'watcher' },
      ],
    });
    expect(onTerm).not.toHaveBeenCalled();
  });

  it('is looked at once more when the job has ended', async () => {
    const result = await settle(setUp({ run: fills(ends) }, {}, relaxed(MIB)), {}, JOB);
    expect(result).toMatchObject({ status: 'failed', reason: 'disk_limit_exceeded' });
  });

  it('is written to freely up to its bound, without one, and on an engine that does not tell, which is a warning', async () => {
    for (const bound of [2 * MIB, null]) {
      const result = await settle(setUp({ run: fills(ends) }, {}, relaxed(bound)), {}, JOB);
      expect(result).toMatchObject({ status: 'succeeded', warnings: [] });
    }
    const engine = fakeEngine({ run: fills(ends) });
    const containers = { ...engine.containers };
    delete containers.writtenBytes;
    const capabilities = { ...engine.capabilities, writtenBytes: false };
    const runtime = createRuntime(relaxed(MIB), { engine: { ...engine, containers, capabilities } });
    const warnings = [expect.stringContaining('nothing bounds what the job writes') as string];
    expect(await runtime.runJob(JOB)).toMatchObject({ status: 'succeeded', warnings });
    await runtime.close();
  });

  it('says so when it could not be looked at at the end', async () => {
    const setup = setUp({ run: fills(ends), fail: [{ call: 'containers.writtenBytes' }] }, {}, relaxed(MIB));
    const warnings = [expect.stringContaining('was not watched to the end') as string];
    expect(await settle(setup, {}, JOB)).toMatchObject({ status: 'succeeded', warnings });
  });

  it('costs no call where it is read-only', async () => {
    const setup = setUp({});
    expect(await settle(setup, {}, JOB)).toMatchObject({ status: 'succeeded' });
    expect(setup.engine.calls.filter(({ call }) => call === 'containers.writtenBytes')).toEqual([]);
  });
});

describe('an output that is more than could be collected', () => {
  const [out] = [{ workspacePath: 'out', upload: 'caller' }] as const;
  const glob = { workspacePath: 'logs/*.log', upload: 'caller' } as const;
  it.each([
    [
      'bytes of a file',
      { out: 2 * MIB },
      { outputs: { maxBytes: MIB } },
      'out',
      /has \d+ bytes, more than the 1048576 bytes that are left/,
    ],
    [
      'bytes of one file',
      { 'out/a': MIB, 'out/b': 2 * MIB },
      { maxFileBytes: MIB },
      'out',
      /"b".*\(maxFileBytes\)/,
    ],
    [
      'bytes of all',
      { 'out/a': MIB, 'logs/b.log': MIB },
      { maxUploadBytes: 1.5 * MIB },
      'logs/*.log',
      /"b.log"/,
    ],
    [
      'entries',
      { 'out/a': 1, 'out/b': 1, 'out/c': 1 },
      { outputs: { maxEntries: 2 } },
      'out',
      /\(outputs.maxEntries\)/,
    ],
    ['depth', { 'out/1/2/3': 1 }, { outputs: { maxDepth: 1 } }, 'out', /nested deeper/],
  ] as const)('in %s ends the job while it runs, without grace', async (_, files, config, path, words) => {
    const onTerm = vi.fn();
    const run: FakeEngineScript['run'] = async (job) => {
      job.onSignal('SIGTERM', onTerm);
      for (const [name, size] of Object.entries(files))
        await job.writeFile(`/workspace/${name}`, Buffer.alloc(size));
      return job.sleepUntilKilled();
    };
    const job = { slug: 'job', docker: { image: 'busybox:1', outputs: [out, glob] } };
    const result = (await settle(
      setUp({ run }, {}, config),
      { outputTo: memoryStorage() },
      job,
    )) as RunResult;
    expect(result).toMatchObject({ status: 'failed', reason: 'output_limit_exceeded', exitCode: 137 });
    expect(result.evidence[0]).toMatchObject({ by: 'watcher' });
    expect(result.evidence[0]?.what).toContain(`while the job ran, output ${path} `);
    expect(result.evidence[0]?.what).toMatch(words);
    expect(result.outputs.find(({ workspacePath }) => workspacePath === path)).toMatchObject({
      state: 'rejected',
    });
    expect(onTerm).not.toHaveBeenCalled();
  });

  it('is none up to the limits, whatever lies beside it', async () => {
    const run: FakeEngineScript['run'] = async (job) => {
      for (const name of ['out', 'large', 'logs/large.txt']) {
        await job.writeFile(`/workspace/${name}`, Buffer.alloc(name === 'out' ? MIB : 2 * MIB));
      }
      // Long enough for the outputs to be looked at.
      await new Promise((resolve) => setTimeout(resolve, 600));
      return { exitCode: 0 };
    };
    const config = { outputs: { maxBytes: MIB, maxEntries: 2 } };
    const outputs = [out, { ...glob, optional: true }];
    const job = { slug: 'job', docker: { image: 'busybox:1', outputs } };
    const result = await settle(setUp({ run }, {}, config), { outputTo: memoryStorage() }, job);
    expect(result).toMatchObject({ status: 'succeeded' });
  });
});

describe('a job without output', () => {
  it('is ended after its time for that, politely', async () => {
    const onTerm = vi.fn();
    const setup = setUp({
      run: async (job) => {
        job.onSignal('SIGTERM', onTerm);
        await job.stdout('last words\n');
        return job.sleepUntilKilled();
      },
    });
    expect(await settle(setup, { timeouts: { idleOutputMs: 200 } }, JOB)).toMatchObject({
      status: 'timed_out',
      reason: 'idle_timed_out',
      category: 'limit',
      message: expect.stringContaining('wrote no output for 200 ms') as string,
      evidence: [{ by: 'deadline', what: 'wrote no output for 200 ms' }, {}, {}, {}],
    });
    expect(onTerm).toHaveBeenCalled();
  });

  it('is another job than one that drips, whose other deadlines that does not extend', async () => {
    const setup = setUp({
      run: async (job) => {
        while (!job.killed.aborted) {
          await job.stdout('.');
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        return { exitCode: 0 };
      },
    });
    const timeouts = { idleOutputMs: 20_000, runMs: 600 };
    expect(await settle(setup, { timeouts }, JOB)).toMatchObject({ reason: 'timed_out' });
  });
});

describe('timeouts.max', () => {
  it.each(['queueMs', 'pullMs', 'stageMs', 'runMs', 'idleOutputMs', 'stopMs', 'collectMs'] as const)(
    'bounds %s',
    async (name) => {
      const config = { stopGraceMs: 1_000, timeouts: { default: { [name]: 1_500 }, max: { [name]: 2_000 } } };
      if (name === 'stopMs') config.timeouts.default = {};
      const { runtime } = setUp({}, {}, config);
      await expect(runtime.runJob(JOB, { timeouts: { [name]: 2_001 } })).rejects.toMatchObject({
        code: 'policy.denied',
        message: expect.stringContaining(`2000 ms allowed by timeouts.max.${name}`) as string,
      });
      const { plan } = runtime.explain(JOB, { timeouts: { [name]: 2_000 } });
      expect(plan?.timeouts[name === 'stopMs' ? 'stopGraceMs' : name]).toBe(2_000);
      await runtime.close();
    },
  );
});
