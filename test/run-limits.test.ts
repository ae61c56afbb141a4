/** Limits that end a job while it runs, through a runtime on the fake engine. */
import { assertSucceeded, type RunResult } from 'berthkit';
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
