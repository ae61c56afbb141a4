/** A wall clock that is set, during a run on the fake engine: no deadline comes sooner or later for it, and no phase takes a negative time. */
import { memoryStorage, type RunOptions, type RunResult, type RuntimeConfigInput } from 'berthkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DEFINITION, settle, setUp } from './run-fixture.js';

const JOB = { slug: 'job', docker: { image: 'busybox:1', command: ['work'] } };
const DAY_MS = 86_400_000;

beforeEach(() => vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => vi.useRealTimers());

const jump = (byMs: number): void => {
  vi.setSystemTime(Date.now() + byMs);
};

describe.each([
  ['forward', 30 * DAY_MS],
  ['back', -30 * DAY_MS],
])('a clock that is set %s', (_way, byMs) => {
  it('ends no job before its time', async () => {
    const run = async () => {
      jump(byMs);
      await new Promise((resolve) => setTimeout(resolve, 50));
      return { exitCode: 0 };
    };
    const timeouts = { queueMs: 60_000, runMs: 60_000, idleOutputMs: 60_000, collectMs: 60_000 };
    const result = await settle(setUp({ run }), { timeouts }, JOB);
    expect(result).toMatchObject({ reason: 'completed' });
    for (const took of Object.values((result as RunResult).durations) as (number | null)[]) {
      expect(took ?? 0).toBeGreaterThanOrEqual(0);
      expect(took ?? 0).toBeLessThan(DAY_MS);
    }
  });

  it.each<[string, RunOptions, RuntimeConfigInput]>([
    ['timed_out', { timeouts: { runMs: 150 } }, {}],
    ['idle_timed_out', { timeouts: { idleOutputMs: 150 } }, {}],
    ['disk_limit_exceeded', {}, { workspace: { maxBytes: 4096 } }],
  ])('keeps no job from ending as %s', async (reason, options, config) => {
    const setup = setUp(
      {
        run: async (job) => {
          jump(byMs);
          if (reason === 'disk_limit_exceeded') await job.writeFile('/workspace/f', Buffer.alloc(1024 ** 2));
          return job.sleepUntilKilled();
        },
      },
      {},
      config,
    );
    expect(await settle(setup, options, JOB)).toMatchObject({ reason });
  });

  it('keeps no phase from ending: the queue, staging, secrets', async () => {
    const hang = async (): Promise<never> => {
      jump(byMs);
      return new Promise(() => undefined);
    };
    const waiting = setUp({ fail: [{ call: 'info', hang: true }] });
    const queued = settle(waiting, { timeouts: { queueMs: 150 } }, JOB);
    jump(byMs);
    expect(await queued).toMatchObject({ reason: 'queue_expired' });
    const storage = { in: { ...memoryStorage({ a: '1' }), stat: hang }, out: memoryStorage() };
    const staging = setUp({}, { storage }, { timeouts: { default: { stageMs: 150 } } });
    expect(await settle(staging)).toMatchObject({ code: 'workspace.stage_timed_out' });
    const secret = setUp({}, { resolveSecret: hang }, { timeouts: { default: { secretsMs: 150 } } });
    expect(await settle(secret, {}, DEFINITION)).toMatchObject({ code: 'secret.timed_out' });
  });
});
