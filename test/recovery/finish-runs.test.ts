/** Runs of dead processes get their one end: in the store, for listeners and for who waits; what they published is finished or taken back. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import process from 'node:process';
import {
  type AuditRecord,
  createRuntime,
  type JobRuntimeError,
  memoryRunStore,
  memoryStorage,
  type NewRun,
  type Publication,
  type RunEvent,
  type RunResult,
  type RunStep,
  type RunStore,
  type Runtime,
  type RuntimeConfigInput,
  type StoredRun,
} from 'berthkit';
import { fakeEngine, type FakeEngine, type FakeEngineScript } from 'berthkit/testing';
import { describe, expect, it, vi } from 'vitest';
import { containerName } from '../../src/base/container-name.js';
import { processOwner } from '../../src/host/process-identity.js';
import type { MemoryStorage } from '../../src/storage/memory.js';
import { deadOwner, startChildOwner } from '../host/child-owner.js';
import { scratch } from '../host/scratch.js';

const JOB = { slug: 'left', docker: { image: 'busybox:1', command: ['work'] } };
const KEY = { idempotencyKey: 'order-1' };
const AT = '2026-01-01T00:00:00.000Z';

interface Setup {
  readonly engine: FakeEngine;
  readonly runtime: Runtime;
  readonly store: RunStore;
  readonly out: MemoryStorage;
  readonly events: RunEvent[];
  readonly records: AuditRecord[];
}

async function setUp(
  parts: {
    readonly store?: RunStore;
    readonly script?: FakeEngineScript;
    readonly config?: RuntimeConfigInput;
  } = {},
): Promise<Setup> {
  const { store = memoryRunStore(), script = {}, config = {} } = parts;
  const engine = fakeEngine(script);
  const out = memoryStorage();
  const events: RunEvent[] = [];
  const records: AuditRecord[] = [];
  const runtime = createRuntime(
    { workspaceRoot: join(await scratch(), 'root'), instanceId: 'here', ...config },
    {
      ...{ engine, runStore: store, storage: { out } },
      onEvent: (event) => events.push(event),
      audit: (record) => void records.push(record),
    },
  );
  return { engine, runtime, store, out, events, records };
}

/** A run as a process wrote it down that died after the step: claimed for `owner`, and no end. */
async function died(
  { store }: Pick<Setup, 'store'>,
  owner: string,
  last: RunStep['name'],
  options: { readonly runId?: string; readonly idempotencyKey?: string } = {},
): Promise<StoredRun> {
  let isOver = false;
  const cut: RunStore = {
    ...store,
    putIfAbsent: async (run) => store.putIfAbsent({ ...run, owner }),
    append: async (runId, step) => {
      if (!isOver) await store.append(runId, step);
      isOver ||= step.name === last;
    },
    end: async () => Promise.resolve(true),
  };
  const { runtime } = await setUp({ store: cut });
  const { runId } = await runtime.runJob(JOB, { runId: 'r1', metadata: { team: 'x' }, ...options });
  await runtime.close();
  const run = await store.get(runId);
  if (run === null) throw new Error('it wrote nothing down');
  return run;
}

const resultOf = (run: StoredRun | null): RunResult => {
  if (run?.end?.outcome !== 'result') throw new Error(`no result: ${JSON.stringify(run?.end)}`);
  return run.end.result;
};

describe('a run whose process died', () => {
  it('has its end on record, as any run, before what was done about it', async () => {
    const setup = await setUp();
    const owner = await deadOwner();
    await died(setup, owner, 'started');
    await setup.runtime.reconcile();
    await setup.runtime.close();
    const { receipt } = resultOf(await setup.store.get('r1'));
    expect(setup.records).toMatchObject([
      {
        ...{ action: 'run_ended', runId: 'r1', attempt: 1, metadata: { team: 'x' } },
        ...{ status: 'failed', reason: 'orphaned', exitCode: null, code: null },
        receiptHash: receipt?.receiptHash,
      },
      { action: 'reconcile_action', runId: 'r1', done: { action: 'finished', what: 'run', owner } },
    ]);
    expect(setup.records.every((record) => record.owner === processOwner(process.pid))).toBe(true);
  });

  it('ends as orphaned, with the proof and how far it was: in the store and for listeners', async () => {
    const setup = await setUp();
    const owner = await deadOwner();
    await died(setup, owner, 'started', KEY);
    const action = { action: 'finished', what: 'run', name: 'r1', runId: 'r1', owner, problem: null };
    expect(await setup.runtime.reconcile({ dryRun: true })).toMatchObject({ actions: [action] });
    expect((await setup.store.get('r1'))?.end).toBeNull();
    expect(setup.events).toEqual([]);

    const { actions, leftAlone } = await setup.runtime.reconcile();
    expect([actions, leftAlone]).toMatchObject([[action], []]);
    const result = resultOf(await setup.store.get('r1'));
    expect(result).toMatchObject({
      runId: 'r1',
      status: 'failed',
      reason: 'orphaned',
      category: 'infrastructure',
      retryable: true,
      logsComplete: false,
      metadata: { team: 'x' },
      image: { reference: 'busybox:1' },
    });
    expect(result.evidence.map(({ what }) => what)).toEqual([
      expect.stringMatching(/^the process that ran it is dead: process \d+ is gone$/),
      'the last step it wrote down is "started"',
    ]);
    expect(setup.events).toMatchObject([{ type: 'run_end', runId: 'r1', metadata: { team: 'x' }, result }]);
    expect(await setup.runtime.reconcile()).toMatchObject({ actions: [], leftAlone: [] });
    expect(setup.events).toHaveLength(1);
    await setup.runtime.close();
  });

  it('after its end was known ends as it would have ended', async () => {
    const setup = await setUp();
    await died(setup, await deadOwner(), 'settled', KEY);
    await setup.runtime.reconcile();
    const result = resultOf(await setup.store.get('r1'));
    expect(result).toMatchObject({ status: 'succeeded', reason: 'completed', exitCode: 0 });
    expect(result.warnings).toEqual([expect.stringContaining('died while it cleaned up')]);
    // It is a result like any other: its key stands for it.
    expect(await setup.runtime.runJob(JOB, KEY)).toEqual(result);
    await setup.runtime.close();
  });

  it('is left alone, and reported, while nothing proves the death', async () => {
    const setup = await setUp();
    const { owner: alive, end } = await startChildOwner();
    const elsewhere = alive.replace(/^[^.]+\.\d+/, (start) => start.replace(/\d+$/, '1'));
    for (const [runId, owner] of [
      ['alive', alive],
      ['elsewhere', elsewhere],
      ['self', processOwner(process.pid)],
    ] as const) {
      await died(setup, owner, 'started', { runId });
    }
    const { actions, leftAlone } = await setup.runtime.reconcile();
    expect(actions).toEqual([]);
    expect(leftAlone.map(({ what, name, why }) => `${what} ${name} ${why}`)).toEqual([
      'run alive alive',
      'run elsewhere owner_unknown',
    ]);
    expect(await setup.store.listOpen({ instance: 'here' })).toHaveLength(3);
    await end();
    await setup.runtime.close();
  });

  it('of another instance is not looked at', async () => {
    const setup = await setUp();
    const run = await died(setup, await deadOwner(), 'started');
    const other: NewRun = { ...run, runId: 'other', instance: 'there' };
    await setup.store.putIfAbsent(other);
    expect((await setup.runtime.reconcile()).actions.map(({ runId }) => runId)).toEqual(['r1']);
    expect((await setup.store.get('other'))?.end).toBeNull();
    await setup.runtime.close();
  });

  it('gives its key and its id to the next one that asks, which starts anew', async () => {
    const setup = await setUp();
    await died(setup, await deadOwner(), 'started', KEY);
    const result = await setup.runtime.runJob(JOB, { ...KEY, runId: 'again' });
    expect(result).toMatchObject({ runId: 'again', status: 'succeeded' });
    expect(resultOf(await setup.store.get('r1'))).toMatchObject({ reason: 'orphaned' });

    await died(setup, await deadOwner(), 'started', { runId: 'r2' });
    expect(await setup.runtime.runJob(JOB, { runId: 'r2' })).toMatchObject({ status: 'succeeded' });
    await setup.runtime.close();
  });

  it('is told to who waited for it by its key', async () => {
    const inner = memoryRunStore();
    let isLookedAt = false;
    const get: RunStore['get'] = async (runId) => {
      isLookedAt = true;
      return inner.get(runId);
    };
    const setup = await setUp({ store: { ...inner, get } });
    const { owner, end } = await startChildOwner();
    await died({ store: inner }, owner, 'started', KEY);
    const joined = setup.runtime.startJob(JOB, { ...KEY, runId: 'joined' });
    await vi.waitFor(
      () => {
        expect(isLookedAt).toBe(true);
      },
      { timeout: 60_000 },
    );
    expect(joined.summary()).toMatchObject({ state: 'queued' });
    await end();
    expect(await joined.result).toMatchObject({ runId: 'r1', reason: 'orphaned' });
    await setup.runtime.close();
  });

  it('stays open while something of it goes on', async () => {
    const fail = [{ call: 'containers.remove', when: 'before', times: 1 }] as const;
    const setup = await setUp({ script: { fail } });
    const owner = await deadOwner();
    const run = await died(setup, owner, 'started');
    const labels = {
      ...{ 'berthkit.managed': 'true', 'berthkit.instance': 'here', 'berthkit.owner': owner },
      ...{ 'berthkit.run-id': 'r1', 'berthkit.attempt': '1', 'berthkit.job': 'left', 'berthkit.kind': 'job' },
    };
    await setup.engine.containers.create({
      ...run.plan.container,
      name: containerName('berthkit', 'left', 'r1', 1),
      image: `sha256:${'a'.repeat(64)}`,
      labels,
      mounts: [],
    });
    const first = await setup.runtime.reconcile();
    expect(first.actions.map(({ what, problem }) => [what, problem !== null])).toEqual([
      ['container', true],
      ['run', true],
    ]);
    expect(first.actions[1]?.problem).toBe('its container could not be removed');
    expect((await setup.store.get('r1'))?.end).toBeNull();
    const second = await setup.runtime.reconcile();
    expect(second.actions.map(({ problem }) => problem)).toEqual([null, null]);
    expect(resultOf(await setup.store.get('r1'))).toMatchObject({ reason: 'orphaned' });
    await setup.runtime.close();
  });

  it('of several processes that look at a time is ended by one', async () => {
    const store = memoryRunStore();
    const setups = [await setUp({ store }), await setUp({ store })];
    await died({ store }, await deadOwner(), 'started');
    await Promise.all(setups.map(({ runtime }) => runtime.reconcile()));
    expect(setups.flatMap(({ events }) => events).map(({ type }) => type)).toEqual(['run_end']);
    for (const { runtime } of setups) await runtime.close();
  });
});

describe('what it published', () => {
  const publication: Publication = {
    mountId: 'out',
    transactionId: null,
    objects: ['a', 'b'].map((name) => ({
      path: `r1/${name}`,
      temporaryPath: `r1/.temporary-${name}`,
      sizeBytes: 1,
      sha256: createHash('sha256').update(name).digest('hex'),
      contentType: null,
      overwrite: false,
      idempotencyKey: name,
    })),
    metadata: {},
  };
  /** Both objects stand under their temporary names, and the first under its own, too. */
  async function left(setup: Setup, steps: readonly RunStep[]): Promise<void> {
    await died(setup, await deadOwner(), 'exited');
    for (const step of steps) await setup.store.append('r1', step);
    for (const { path, temporaryPath, idempotencyKey } of publication.objects) {
      for (const at of [temporaryPath ?? '', ...(idempotencyKey === 'a' ? [path] : [])]) {
        await setup.out.write(
          at,
          (async function* () {
            yield await Promise.resolve(Buffer.from(idempotencyKey));
          })(),
          {
            ...{
              sizeBytes: 1,
              sha256: createHash('sha256').update(idempotencyKey).digest('hex'),
              overwrite: true,
            },
            ...{ contentType: null, metadata: {}, idempotencyKey: at, signal: new AbortController().signal },
          },
        );
      }
    }
  }
  const step = (name: 'storing' | 'publishing' | 'published', mountId: string | null = 'out'): RunStep => ({
    ...{ name, attempt: 1, at: AT },
    publication: { ...publication, mountId },
  });

  it('is finished when everything was stored', async () => {
    const setup = await setUp();
    await left(setup, [step('storing'), step('publishing')]);
    await setup.runtime.reconcile();
    expect(Object.keys(setup.out.files()).sort()).toEqual(['r1/a', 'r1/b']);
    const { evidence } = resultOf(await setup.store.get('r1'));
    expect(evidence.at(-1)?.what).toMatch(/storage "out".*were published after it died/);
    expect((await setup.runtime.reconcile()).actions).toEqual([]);
    await setup.runtime.close();
  });

  it('is taken back when not', async () => {
    const setup = await setUp();
    await left(setup, [step('storing')]);
    await setup.runtime.reconcile();
    // What stands under its own name is not this publication's: it was not allowed to write there yet.
    expect(Object.keys(setup.out.files())).toEqual(['r1/a']);
    expect(resultOf(await setup.store.get('r1')).evidence.at(-1)?.what).toMatch(/were taken back/);
    await setup.runtime.close();
  });

  it('is nobody’s business any more when it was published', async () => {
    const setup = await setUp();
    await left(setup, [step('storing'), step('publishing'), step('published')]);
    await setup.runtime.reconcile();
    expect(Object.keys(setup.out.files())).toHaveLength(3);
    await setup.runtime.close();
  });

  it('in a storage this runtime does not have keeps the run open, and says why', async () => {
    const setup = await setUp();
    await left(setup, [step('publishing', 'elsewhere')]);
    const { actions } = await setup.runtime.reconcile();
    expect(actions[0]?.problem).toMatch(/has no storage "elsewhere"/);
    expect((await setup.store.get('r1'))?.end).toBeNull();
    await setup.runtime.close();
  });

  it('in its caller’s own storage is told', async () => {
    const setup = await setUp();
    await left(setup, [step('publishing', null)]);
    await setup.runtime.reconcile();
    expect(resultOf(await setup.store.get('r1')).evidence.at(-1)?.what).toMatch(/only its caller can reach/);
    await setup.runtime.close();
  });
});

describe('passes of its own accord', () => {
  const config = { recovery: { firstPassMs: 1_000, everyMs: 5_000 } };

  it('begin some time after the first use, go on, and end with the runtime', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const setup = await setUp({ config });
      await died(setup, await deadOwner(), 'started');
      await vi.advanceTimersByTimeAsync(60_000);
      expect((await setup.store.get('r1'))?.end).toBeNull();
      await setup.runtime.runJob(JOB);
      await vi.advanceTimersByTimeAsync(999);
      expect((await setup.store.get('r1'))?.end).toBeNull();
      await vi.advanceTimersByTimeAsync(1);
      await vi.waitFor(async () => expect((await setup.store.get('r1'))?.end).not.toBeNull(), {
        timeout: 60_000,
      });
      await died(setup, await deadOwner(), 'started', { runId: 'r2' });
      await vi.waitFor(
        async () => {
          await vi.advanceTimersByTimeAsync(5_000);
          expect((await setup.store.get('r2'))?.end).not.toBeNull();
        },
        { timeout: 60_000 },
      );
      await setup.runtime.close();
      await died(setup, await deadOwner(), 'started', { runId: 'r3' });
      await vi.advanceTimersByTimeAsync(60_000);
      expect((await setup.store.get('r3'))?.end).toBeNull();
    } finally {
      vi.useRealTimers();
    }
  });

  it('are none where they are switched off', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const setup = await setUp({ config: { recovery: { firstPassMs: null } } });
      await setup.runtime.runJob(JOB);
      // What is kept is looked through when a run has ended, which is bounded.
      await vi.waitFor(
        () => {
          expect(vi.getTimerCount()).toBe(0);
        },
        { timeout: 60_000 },
      );
      await setup.runtime.close();
    } finally {
      vi.useRealTimers();
    }
  });
});

it('what ended long enough ago is forgotten, and looked for once an hour', async () => {
  const clock = { nowMs: 0, now: () => Date.parse(AT) + clock.nowMs, monotonic: () => clock.nowMs };
  const store = memoryRunStore();
  const runtime = createRuntime(
    { workspaceRoot: join(await scratch(), 'root'), recovery: { rememberMs: 60_000 } },
    { engine: fakeEngine(), runStore: store, clock },
  );
  await runtime.runJob(JOB, { runId: 'r1' });
  clock.nowMs = 60_000;
  await runtime.reconcile();
  expect(await store.get('r1')).not.toBeNull();
  clock.nowMs += 3_599_999;
  await runtime.reconcile();
  expect(await store.get('r1')).not.toBeNull();
  clock.nowMs += 1;
  await runtime.reconcile({ dryRun: true });
  expect(await store.get('r1')).not.toBeNull();
  await runtime.reconcile();
  expect(await store.get('r1')).toBeNull();
  await runtime.close();
});

it.each([
  ['back while it ran, and right again', -30_000_000, 0],
  ['ahead afterwards', 0, 30_000_000],
])('what ended is forgotten no sooner for a clock that was set %s', async (_, whileItRanMs, afterwardsMs) => {
  let setByMs = 0;
  const clock = { now: () => Date.now() + setByMs, monotonic: () => performance.now() };
  const store = memoryRunStore();
  const workspaceRoot = join(await scratch(), 'root');
  const config = { workspaceRoot, recovery: { rememberMs: 3_600_000 } };
  const run = async (): Promise<{ readonly exitCode: number }> => {
    setByMs = whileItRanMs;
    return Promise.resolve({ exitCode: 0 });
  };
  const runtime = createRuntime(config, { engine: fakeEngine({ run }), runStore: store, clock });
  await runtime.runJob(JOB, { runId: 'r1' });
  setByMs = afterwardsMs;
  await runtime.reconcile();
  expect((await store.get('r1'))?.end).toMatchObject({ result: { status: 'succeeded' } });
  await runtime.close();
});

it('nothing is touched when the store does not tell which runs are open', async () => {
  const store: RunStore = { ...memoryRunStore(), listOpen: async () => Promise.reject(new Error('away')) };
  const setup = await setUp({ store });
  const error: unknown = await setup.runtime.reconcile().catch((reason: unknown) => reason);
  expect((error as JobRuntimeError).code).toBe('runtime.store_failed');
  expect(setup.engine.calls).toEqual([]);
  await setup.runtime.close();
});
