/** One idempotency key, one run: in one runtime, in two that share a store, and after a restart. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createRuntime,
  type JobDefinition,
  type JobRuntimeError,
  memoryRunStore,
  memoryStorage,
  type RunHandle,
  type RunStore,
  StorageError,
} from 'berthkit';
import { fakeEngine, type FakeEngineScript } from 'berthkit/testing';
import { describe, expect, it, vi } from 'vitest';
import { setUp, testFolder } from './run-fixture.js';

const JOB: JobDefinition = { slug: 'keyed', docker: { image: 'busybox:1', command: ['work'] } };
const OTHER: JobDefinition = { ...JOB, docker: { ...JOB.docker, command: ['other'] } };
const key = { idempotencyKey: 'order-1' };

/** A job that ends when it is told to, and counts how often it was started. */
function gate(exitCode = 0): {
  readonly script: FakeEngineScript;
  readonly open: () => void;
  readonly started: Promise<void>;
  readonly starts: () => number;
} {
  let open = (): void => undefined;
  let begun = (): void => undefined;
  let starts = 0;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const started = new Promise<void>((resolve) => (begun = resolve));
  const script: FakeEngineScript = {
    run: async (job) => {
      starts += 1;
      begun();
      await job.stdout('done\n');
      await opened;
      return { exitCode };
    },
  };
  return { script, open: () => open(), started, starts: () => starts };
}

const codeOf = async (handle: RunHandle): Promise<string> =>
  handle.result.then(
    ({ status }) => status,
    (error: unknown) => (error as JobRuntimeError).code,
  );

describe('a key', () => {
  it('joins the run that has it while that is running, and gives its result after its end', async () => {
    const { script, open, started, starts } = gate();
    const { runtime } = setUp(script);
    const first = runtime.startJob(JOB, { ...key, runId: 'first' });
    await started;
    const second = runtime.startJob(JOB, { ...key, runId: 'second' });
    const sameId = runtime.startJob(JOB, { ...key, runId: 'first' });
    open();
    const result = await first.result;
    expect(await second.result).toEqual(result);
    expect(await sameId.result).toEqual(result);
    expect(result).toMatchObject({ runId: 'first', status: 'succeeded' });
    expect(await runtime.runJob(JOB, key)).toEqual(result);
    expect(starts()).toBe(1);
    expect(second.summary()).toMatchObject({ runId: 'second', state: 'ended' });
    await runtime.close();
  });

  it('is joined by the same job with its variables written another way', async () => {
    const { runtime } = setUp({ run: () => ({ exitCode: 0 }) });
    const asking = (environment: JobDefinition['docker']['environment']): JobDefinition => ({
      docker: { image: 'busybox:1', environment },
    });
    const first = await runtime.runJob(asking([{ name: 'A', value: 'x' }]), key);
    expect(await runtime.runJob(asking({ A: 'x' }), key)).toEqual(first);
    await runtime.close();
  });

  it('is joined by each of many at the same time, and one runs', async () => {
    const { script, open, starts } = gate();
    const { runtime } = setUp(script);
    const handles = Array.from({ length: 20 }, () => runtime.startJob(JOB, key));
    open();
    const results = await Promise.all(handles.map(({ result }) => result));
    expect(new Set(results.map(({ runId }) => runId)).size).toBe(1);
    expect(starts()).toBe(1);
    await runtime.close();
  });

  it('stands for one request: another one is refused, whether the first runs or has ended', async () => {
    const { script, open, started } = gate();
    const { runtime } = setUp(script);
    const first = runtime.startJob(JOB, { ...key, runId: 'first' });
    await started;
    for (const [definition, options] of [
      [OTHER, {}],
      [JOB, { parameters: { a: 1 } }],
    ] as const) {
      await expect(runtime.runJob(definition, { ...key, ...options })).rejects.toMatchObject({
        code: 'validation.invalid_job',
        details: { issues: [{ code: 'validation.idempotency_key_reused', path: 'options.idempotencyKey' }] },
      });
    }
    open();
    await first.result;
    await expect(runtime.runJob(OTHER, key)).rejects.toThrow(/another request, that of run "first"/);
    await runtime.close();
  });

  it.each([
    ['', 'must be'],
    ['x'.repeat(257), 'must be'],
    [7 as unknown as string, 'must be'],
  ])('of the wrong shape is refused (%j)', async (idempotencyKey, message) => {
    const { runtime } = setUp();
    await expect(runtime.runJob(JOB, { idempotencyKey })).rejects.toThrow(
      `options.idempotencyKey ${message}`,
    );
    await runtime.close();
  });

  it('stays with a failure of the job, and goes with what may be tried again', async () => {
    const failing = gate(3);
    const { runtime } = setUp(failing.script);
    failing.open();
    expect(await runtime.runJob(JOB, key)).toMatchObject({ reason: 'non_zero_exit' });
    expect(await runtime.runJob(JOB, key)).toMatchObject({ reason: 'non_zero_exit', exitCode: 3 });
    expect(failing.starts()).toBe(1);
    await runtime.close();

    const lost = setUp({ fail: [{ call: 'containers.create', when: 'before', times: 1 }] });
    const run = { ...key, idempotencyKey: 'order-2' };
    await expect(lost.runtime.runJob(JOB, run)).rejects.toMatchObject({ code: 'engine.failed' });
    expect(await lost.runtime.runJob(JOB, run)).toMatchObject({ status: 'succeeded' });
    await lost.runtime.close();
  });

  it('that was joined does not cancel the run of the one that has it, nor is it tried again', async () => {
    const { script, open, started, starts } = gate(3);
    const { runtime } = setUp(script);
    const first = runtime.startJob(JOB, key);
    await started;
    const retry = { maxAttempts: 3, on: ['user'], backoff: 'none' } as const;
    const abort = new AbortController();
    const cancelled = runtime.startJob(JOB, { ...key, signal: abort.signal });
    abort.abort(new Error('no longer wanted'));
    expect(await cancelled.result).toMatchObject({ status: 'cancelled', message: /no longer wanted/ });
    const waiting = runtime.startJob(JOB, { ...key, timeouts: { queueMs: 1 } });
    expect(await waiting.result).toMatchObject({ status: 'timed_out', reason: 'queue_expired' });
    const patient = runtime.startJob(JOB, { ...key, retry });
    open();
    const result = await first.result;
    expect(result).toMatchObject({ reason: 'non_zero_exit' });
    expect(await patient.result).toEqual(result);
    expect(await runtime.runJob(JOB, { ...key, retry })).toEqual(result);
    expect(starts()).toBe(1);
    await runtime.close();
  });

  it('is joined from another runtime of the same store, by its result and by its error', async () => {
    const inner = memoryRunStore();
    const waitedFor = new Set<string>();
    const get: RunStore['get'] = async (runId) => {
      waitedFor.add(runId);
      return inner.get(runId);
    };
    const runStore: RunStore = { ...inner, get };
    const holder = gate();
    const one = setUp(holder.script, { runStore });
    const two = setUp(holder.script, { runStore });
    const first = one.runtime.startJob(JOB, { ...key, runId: 'first' });
    await holder.started;
    const joined = two.runtime.startJob(JOB, key);
    await vi.waitFor(
      () => {
        expect(waitedFor).toContain('first');
      },
      { timeout: 60_000 },
    );
    holder.open();
    expect(await joined.result).toEqual(await first.result);
    expect(holder.starts()).toBe(1);

    const writer = gate();
    const run: FakeEngineScript['run'] = async (job) => {
      await job.writeFile('/workspace/x', 'x');
      return (await writer.script.run?.(job)) ?? { exitCode: 1 };
    };
    const storage = { out: memoryStorage({ x: 'there before' }) };
    const broken = setUp({ run }, { runStore, storage });
    const upload = { backendMountId: 'out', pathTemplate: 'x' };
    const definition = { ...JOB, docker: { ...JOB.docker, outputs: [{ workspacePath: 'x', upload }] } };
    const failing = broken.runtime.startJob(definition, { idempotencyKey: 'order-2', runId: 'broken' });
    await writer.started;
    const other = two.runtime.startJob(definition, { idempotencyKey: 'order-2' });
    await vi.waitFor(
      () => {
        expect(waitedFor).toContain('broken');
      },
      { timeout: 60_000 },
    );
    writer.open();
    expect(await codeOf(failing)).toBe('storage.exists');
    const error: unknown = await other.result.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code: 'storage.exists', runId: 'broken' });
    for (const { runtime } of [one, two, broken]) await runtime.close();
  });

  it('gives the same result after a restart, from the state folder, and starts nothing', async () => {
    const stateDir = join(testFolder(), 'state');
    const before = setUp({}, {}, { stateDir });
    const result = await before.runtime.runJob(JOB, key);
    await before.runtime.close();
    const after = fakeEngine();
    const runtime = createRuntime({ workspaceRoot: join(testFolder(), 'root'), stateDir }, { engine: after });
    expect(await runtime.runJob(JOB, key)).toEqual(result);
    expect(after.calls.filter(({ call }) => call === 'containers.create')).toEqual([]);
    await expect(runtime.runJob(OTHER, key)).rejects.toThrow(/another request/);
    await runtime.close();
    expect(await readdir(join(stateDir, 'runs', 'open'))).toEqual([]);
  });

  it('of a run the store has lost is told so', async () => {
    const inner = memoryRunStore();
    const runStore: RunStore = { ...inner, get: async () => Promise.resolve(null) };
    const { script, open, started } = gate();
    const one = setUp(script, { runStore });
    const two = setUp(script, { runStore });
    const first = one.runtime.startJob(JOB, key);
    await started;
    await expect(two.runtime.runJob(JOB, key)).rejects.toMatchObject({ code: 'runtime.store_failed' });
    open();
    await first.result;
    await one.runtime.close();
    await two.runtime.close();
  });
});
