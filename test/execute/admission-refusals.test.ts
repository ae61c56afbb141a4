/** Who gets no place is told why, whose bound it is, and in the units in which it is set. */
import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createAdmission } from '../../src/execute/admission.js';
import { createStopSource } from '../../src/execute/stop.js';
import type { Applicant, Budget, KeyLimits, TurnLimits } from '../../src/execute/turns.js';

const NONE: KeyLimits = {
  ...{ maxRunning: null, maxQueued: null, nanoCpus: null, memoryBytes: null, workspaceBytes: null },
};
const budgetOf = (budget: Partial<Budget>): Budget => ({
  ...{ nanoCpus: null, memoryBytes: null, workspaceBytes: null, ...budget },
});
const asking = (demand: Partial<Applicant['demand']>, key: string | null = null): Applicant => ({
  key,
  demand: { nanoCpus: 0, memoryBytes: 0, workspaceBytes: 0, ...demand },
  queueing: 'bounded',
});
const fresh = () => createStopSource(() => 'now');
const admitting = (limits: Partial<TurnLimits>, learn?: () => Promise<void>) =>
  createAdmission(
    { maxRunning: 1, maxQueued: 0, budget: () => budgetOf({}), ofKey: () => NONE, ...limits },
    learn,
  );

describe('a run beyond a budget', () => {
  it.each([
    [
      'cpus of all',
      { nanoCpus: 2e9 },
      null,
      'cpus 3, more than the 2 there are for all runs together (budget.cpus)',
    ],
    [
      'memory of all',
      { memoryBytes: 100 },
      null,
      'memoryBytes 150, more than the 100 there are for all runs together (budget.memoryBytes)',
    ],
    [
      'disk of a key',
      { workspaceBytes: 50 },
      'team',
      'workspaceBytes 60, more than the 50 there are for all runs of the concurrencyKey "team" together (concurrencyKeys.workspaceBytes)',
    ],
  ] as const)('is refused: %s', async (_, most, key, words) => {
    const admission = admitting({
      budget: () => budgetOf(key === null ? most : {}),
      ofKey: () => ({ ...NONE, ...(key === null ? {} : most) }),
    });
    const demand = { nanoCpus: 3e9, memoryBytes: 150, workspaceBytes: 60 };
    const [what] = Object.keys(most) as [keyof typeof demand];
    const [setting] = /[a-zA-Z]+\.[a-zA-Z]+(?=\)$)/.exec(words) ?? [];
    const [allowed] = /(?<=more than the )\d+/.exec(words) ?? [];
    await expect(admission.admit(fresh(), asking({ [what]: demand[what] }, key))).rejects.toMatchObject({
      code: 'runtime.over_budget',
      message: `the run takes ${words}`,
      hint: `ask for at most ${String(allowed)}`,
      details: { concurrencyKey: key, limit: setting, allowed: Number(allowed) },
    });
  });

  it('is refused when the budget becomes known, and the next one fits', async () => {
    let budget: Budget | null = null;
    const learnt: (() => void)[] = [];
    const admission = admitting(
      { maxQueued: 5, budget: () => budget },
      async () => new Promise((resolve) => learnt.push(resolve)),
    );
    const large = admission.admit(fresh(), asking({ memoryBytes: 10 }));
    const small = admission.admit(fresh(), asking({ memoryBytes: 1 }));
    expect([admission.running, admission.waiting]).toEqual([0, 2]);
    budget = budgetOf({ memoryBytes: 5 });
    for (const each of learnt) each();
    const release = await Promise.all([
      expect(large).rejects.toMatchObject({
        code: 'runtime.over_budget',
        details: { asked: 10, allowed: 5 },
      }),
      small,
    ]);
    release[1]();
    expect([admission.running, admission.waiting]).toEqual([0, 0]);
  });

  it('gets no place where the budget cannot be learnt', async () => {
    const admission = admitting({ maxQueued: 5, budget: () => null }, async () =>
      Promise.reject(new Error('engine gone')),
    );
    await expect(admission.admit(fresh(), asking({}))).rejects.toThrow('engine gone');
    expect(admission.waiting).toBe(0);
  });
});

describe('a budget that is not known yet', () => {
  it('is asked for by each who comes meanwhile, and by nobody later', async () => {
    let budget: Budget | null = null;
    let asked = 0;
    const admission = admitting({ maxRunning: 5, budget: () => budget }, async () => {
      asked += 1;
      budget = budgetOf({});
      return Promise.resolve();
    });
    await admission.admit(fresh(), asking({}));
    await admission.admit(fresh(), asking({}));
    expect([asked, admission.running]).toEqual([1, 2]);
  });

  it('may be learnt by other ways', async () => {
    let budget: Budget | null = null;
    const admission = admitting({ budget: () => budget });
    const waiting = admission.admit(fresh(), asking({}));
    await new Promise((resolve) => setImmediate(resolve));
    expect([admission.running, admission.waiting]).toEqual([0, 1]);
    budget = budgetOf({});
    admission.resume();
    (await waiting)();
    expect([admission.running, admission.waiting]).toEqual([0, 0]);
  });

  it('takes no place from who has one, where asking for it fails late', async () => {
    let budget: Budget | null = null;
    let fail: (error: Error) => void = () => undefined;
    const admission = admitting(
      { budget: () => budget },
      async () => new Promise((_, reject) => (fail = reject)),
    );
    const stop = fresh();
    const waiting = admission.admit(stop, asking({}));
    budget = budgetOf({});
    admission.resume();
    const release = await waiting;
    fail(new Error('engine gone'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(admission.running).toBe(1);
    release();
    expect(admission.running).toBe(0);
  });
});

describe('who has his place, or will have none', () => {
  const listenersOf = ({ signal }: ReturnType<typeof fresh>): number =>
    getEventListeners(signal, 'abort').length;

  it('is not listened to any more', async () => {
    const admission = admitting({ maxRunning: 1, budget: () => null, maxQueued: 5 }, async () =>
      Promise.reject(new Error('engine gone')),
    );
    const [refused, entered] = [fresh(), fresh()];
    await expect(admission.admit(refused, asking({}))).rejects.toThrow('engine gone');
    await admitting({}).admit(entered, asking({}));
    expect([listenersOf(refused), listenersOf(entered)]).toEqual([0, 0]);
  });
});

describe('a run beyond the queue', () => {
  it('of all, and of its key, is refused with what helps', async () => {
    const ofKey = (key: string): KeyLimits =>
      key === 'team' ? { ...NONE, maxRunning: 1, maxQueued: 0 } : NONE;
    const admission = admitting({ maxRunning: 2, maxQueued: 0, ofKey });
    await admission.admit(fresh(), asking({}, 'team'));
    await expect(admission.admit(fresh(), asking({}, 'team'))).rejects.toMatchObject({
      code: 'runtime.queue_full',
      message: '1 runs of the concurrencyKey "team" are running and 0 are waiting; no more are taken',
      hint: 'try again later, or raise concurrencyKeys.maxRunning or maxQueued',
      details: { concurrencyKey: 'team' },
    });
    expect(admission.isFull).toBe(false);
    await admission.admit(fresh(), asking({}));
    expect(admission.isFull).toBe(true);
    await expect(admission.admit(fresh(), asking({}))).rejects.toMatchObject({
      message: '2 runs are running and 0 are waiting; no more are taken',
      hint: 'try again later, or raise maxConcurrentRuns or maxQueuedRuns',
      details: { concurrencyKey: null },
    });
  });
});

describe('a paused admission', () => {
  it('lets nobody in until it goes on, and tells its load', async () => {
    const admission = admitting({ maxRunning: 2, maxQueued: 5 });
    admission.pause();
    expect(admission.isPaused).toBe(true);
    const entered: string[] = [];
    const waiting = admission.admit(fresh(), asking({ memoryBytes: 7 }, 'team')).then((release) => {
      entered.push('in');
      return release;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(entered).toEqual([]);
    expect(admission.load()).toMatchObject({ queued: 1, keys: [{ key: 'team', running: 0, queued: 1 }] });
    admission.resume();
    expect(admission.isPaused).toBe(false);
    const release = await waiting;
    expect(admission.load()).toMatchObject({ queued: 0, taken: { memoryBytes: 7 } });
    release();
    expect(admission.load()).toMatchObject({ taken: { memoryBytes: 0 }, keys: [] });
  });

  it('lets go of who is stopped while he waits, with the cause', async () => {
    const admission = admitting({ maxQueued: 5 });
    const release = await admission.admit(fresh(), asking({}));
    const stop = fresh();
    const waiting = admission.admit(stop, asking({}));
    stop.stop({ reason: 'cancelled', by: 'caller', message: 'enough' });
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError', message: 'enough' });
    await expect(admission.admit(stop, asking({}))).rejects.toMatchObject({ message: 'enough' });
    expect(admission.waiting).toBe(0);
    release();
    expect(admission.running).toBe(0);
  });
});
