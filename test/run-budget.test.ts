/** What runs may take together, and whose turn it is, through a runtime on the fake engine. */
import type { JobDefinition } from 'berthkit';
import { describe, expect, it, vi } from 'vitest';
import { job, many, WAIT } from './many-fixture.js';

const taking = (name: string, resources: { cpus?: number; memoryBytes?: number }): JobDefinition => ({
  slug: name,
  docker: { image: 'busybox:1', command: [name], resources },
});

describe('the budget', () => {
  it('is what the engine has, unless the operator says another', async () => {
    const { runtime, gate, created } = await many({ maxConcurrentRuns: 10 }, { script: { cpus: 2 } });
    for (const name of ['a', 'b', 'c']) runtime.startJob(job(name));
    await gate.reached(2);
    expect(runtime.runs({ state: 'queued' }).map(({ jobSlug }) => jobSlug)).toEqual(['c']);
    gate.open('a');
    await gate.reached(3);
    expect(created().at(-1)).toBe('c');
    gate.openAll();
  });

  it.each([
    ['the engine has', {}, { cpus: 2, memoryBytes: 2 ** 30 }],
    ['the operator gives', { budget: { cpus: 2, memoryBytes: '1GiB' } }, {}],
  ] as const)('refuses before anything is made what is more than %s', async (_whose, config, script) => {
    const { runtime, engine } = await many(config, { script });
    await expect(runtime.runJob(taking('a', { cpus: 2.5 }))).rejects.toMatchObject({
      code: 'runtime.over_budget',
      retryable: false,
      message: expect.stringContaining('takes cpus 2.5, more than the 2 there are for all runs') as string,
      details: { limit: 'budget.cpus', asked: 2.5, allowed: 2, concurrencyKey: null },
    });
    await expect(runtime.runJob(taking('a', { memoryBytes: 2 ** 31 }))).rejects.toMatchObject({
      code: 'runtime.over_budget',
      details: { limit: 'budget.memoryBytes', allowed: 2 ** 30 },
    });
    expect(engine.calls.filter(({ call }) => call !== 'info')).toEqual([]);
  });

  it('is not asked of the engine where the operator has said it', async () => {
    const { runtime, gate, engine } = await many({ budget: { cpus: 1, memoryBytes: '1GiB' } });
    gate.openAll();
    expect(await runtime.runJob(job('a'))).toMatchObject({ status: 'succeeded' });
    expect(engine.calls.map(({ call }) => call)).not.toContain('info');
  });

  it('that the engine does not tell is an error of those who came, and asked for anew by the next', async () => {
    const { runtime, gate } = await many({}, { script: { fail: [{ call: 'info', times: 1 }] } });
    gate.openAll();
    const first = [runtime.runJob(job('a')), runtime.runJob(job('b'))];
    expect(await Promise.allSettled(first)).toMatchObject([
      { reason: { code: 'engine.failed', phase: 'queue' } },
      { reason: { code: 'engine.failed', phase: 'queue' } },
    ]);
    expect(await runtime.runJob(job('c'))).toMatchObject({ status: 'succeeded' });
  });

  it('that the engine never tells does not hold a run beyond its time, nor let more wait than may', async () => {
    const script = { fail: [{ call: 'info', hang: true }] } as const;
    const { runtime } = await many({ maxConcurrentRuns: 2, maxQueuedRuns: 1 }, { script });
    const waiting = ['a', 'b', 'c'].map(async (name) =>
      runtime.runJob(job(name), { timeouts: { queueMs: 300 } }),
    );
    await expect(runtime.runJob(job('d'))).rejects.toMatchObject({ code: 'runtime.queue_full' });
    for (const result of await Promise.all(waiting)) expect(result.reason).toBe('queue_expired');
  });

  it('refuses nobody who comes with the first where nobody may wait', async () => {
    const { runtime, gate } = await many({ maxConcurrentRuns: 2, maxQueuedRuns: 0 });
    gate.openAll();
    const both = await Promise.all([runtime.runJob(job('a')), runtime.runJob(job('b'))]);
    expect(both.map(({ status }) => status)).toEqual(['succeeded', 'succeeded']);
  });

  it('holds for what a run takes under the policy of its turn', async () => {
    const { runtime, gate } = await many({ maxConcurrentRuns: 10, budget: { cpus: 2, memoryBytes: '8GiB' } });
    const [a, b, c] = ['a', 'b', 'c'].map((name) => runtime.startJob(job(name)));
    await gate.reached(2);
    runtime.updatePolicy({ limits: { default: { cpus: 2 } } });
    gate.open('a');
    await a?.result;
    // Its turn came, but with two cores it waits for the other run as well.
    expect(runtime.runs({ state: 'queued' }).map(({ jobSlug }) => jobSlug)).toEqual(['c']);
    gate.open('b');
    await b?.result;
    gate.open('c');
    expect(await c?.result).toMatchObject({ status: 'succeeded' });
    expect(gate.most).toBe(2);
  });
});

describe('a concurrencyKey', () => {
  it('takes turns with others, however many runs of one came first', async () => {
    const { runtime, gate, created } = await many({ maxConcurrentRuns: 1 });
    const start = (name: string, concurrencyKey?: string): unknown =>
      runtime.startJob(job(name), { concurrencyKey });
    start('busy', 'ada');
    await gate.reached(1);
    for (const name of ['a1', 'a2', 'a3']) start(name, 'ada');
    start('b1', 'bob');
    start('none');
    await vi.waitFor(() => expect(runtime.runs({ state: 'queued' })).toHaveLength(5), WAIT);
    gate.openAll();
    await gate.reached(6);
    expect(created()).toEqual(['busy', 'a1', 'b1', 'none', 'a2', 'a3']);
  });

  it('bounds what runs and what waits, and leaves others alone', async () => {
    const concurrencyKeys = { maxRunning: 1, maxQueued: 1, cpus: 2, memoryBytes: '1GiB' };
    const { runtime, gate } = await many({ maxConcurrentRuns: 10, concurrencyKeys });
    const ada = { concurrencyKey: 'ada' };
    runtime.startJob(job('a1'), ada);
    await gate.reached(1);
    runtime.startJob(job('a2'), ada);
    await expect(runtime.runJob(job('a3'), ada)).rejects.toMatchObject({
      code: 'runtime.queue_full',
      message: '1 runs of the concurrencyKey "ada" are running and 1 are waiting; no more are taken',
      details: { concurrencyKey: 'ada' },
    });
    await expect(runtime.runJob(taking('a3', { cpus: 3 }), ada)).rejects.toMatchObject({
      code: 'runtime.over_budget',
      details: { limit: 'concurrencyKeys.cpus', asked: 3, allowed: 2, concurrencyKey: 'ada' },
    });
    runtime.startJob(job('b1'), { concurrencyKey: 'bob' });
    runtime.startJob(job('n1'));
    await gate.reached(3);
    expect([...gate.begun].sort()).toEqual(['a1', 'b1', 'n1']);
    expect(runtime.runs({ state: 'queued' })).toMatchObject([{ jobSlug: 'a2', concurrencyKey: 'ada' }]);
    gate.openAll();
  });

  it.each([[''], ['x'.repeat(257)], [7 as unknown as string]])('is not %j', async (concurrencyKey) => {
    const { runtime } = await many();
    await expect(runtime.runJob(job('a'), { concurrencyKey })).rejects.toMatchObject({
      code: 'validation.invalid_job',
      details: { issues: [{ path: 'options.concurrencyKey' }] },
    });
  });
});
