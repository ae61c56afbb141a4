/** How long an examination may take: for its place among runs, for each container, and in all. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRuntime, type Runtime, type RuntimeConfigInput } from 'berthkit';
import { fakeEngine, type FakeEngine, type FakeEngineScript } from 'berthkit/testing';
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { answering } from './doctor/doctor-jobs.js';

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => vi.useRealTimers());

/** At the end nothing may be left on the engine or the disk. */
async function setUp(
  script: FakeEngineScript,
  config: RuntimeConfigInput = {},
): Promise<{ readonly runtime: Runtime; readonly engine: FakeEngine }> {
  const folder = await mkdtemp(join(tmpdir(), 'berthkit-doctor-'));
  const workspaceRoot = join(folder, 'root');
  const engine = fakeEngine({ images: { 'busybox:1': {} }, run: answering(), ...script });
  const runtime = createRuntime({ workspaceRoot, ...config }, { engine });
  onTestFinished(async () => {
    vi.useRealTimers();
    await runtime.close();
    expect(engine.leftovers()).toEqual([]);
    expect(await readdir(workspaceRoot).catch(() => [])).toEqual([]);
    await rm(folder, { recursive: true, force: true });
  });
  return { runtime, engine };
}

/** By the clock that goes on by itself: files are read and written in the time of the machine. */
const PATIENCE_MS = 60_000;

/** Lets time go on, a second after the other and what there is to do between, until the promise settles. */
async function untilSettled<T>(promise: Promise<T>): Promise<T> {
  const progress = { isSettled: false };
  const settle = (): void => {
    progress.isSettled = true;
  };
  promise.then(settle, settle);
  const until = Date.now() + PATIENCE_MS;
  while (!progress.isSettled && Date.now() < until) {
    await vi.advanceTimersByTimeAsync(1_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(progress.isSettled).toBe(true);
  return promise;
}

it('gives up its place among runs after a minute', async () => {
  const { runtime } = await setUp(
    { run: async (job) => job.sleepUntilKilled() },
    { maxConcurrentRuns: 1, timeouts: { default: { runMs: 3_600_000 } } },
  );
  const run = runtime.startJob({ slug: 'long', docker: { image: 'busybox:1', command: ['true'] } });
  await vi.waitFor(() => expect(run.summary().phase).toBe('run'), { timeout: 60_000 });
  const { limits, healthy } = await untilSettled(runtime.doctor());
  expect(healthy).toBe(false);
  for (const { state, evidence } of limits) {
    expect([state, evidence]).toEqual(['not_checked', expect.stringContaining('within 60000 ms')]);
  }
  run.cancel();
  expect(await run.result).toMatchObject({ status: 'cancelled' });
});

it('ends a container that does not end by itself, and says nothing of its limits', async () => {
  const run = answering();
  const began = vi.fn();
  const { runtime } = await setUp({
    run: async (job) => {
      if (job.spec.labels['berthkit.job'] !== 'doctor-pids') return run(job);
      began();
      return job.sleepUntilKilled();
    },
  });
  const examination = runtime.doctor();
  // The others have no time of this kind to wait for: they end at once.
  await vi.waitUntil(() => began.mock.calls.length > 0, { timeout: 60_000 });
  await vi.advanceTimersByTimeAsync(90_000);
  const { limits } = await examination;
  for (const { limit, state } of limits) expect(state).toBe(limit === 'pids' ? 'not_checked' : 'enforced');
});

it('ends as a whole after five minutes, and removes what it made', async () => {
  const began = vi.fn();
  const { runtime, engine } = await setUp({
    run: async (job) => {
      began();
      return job.sleepUntilKilled();
    },
  });
  const examination = runtime.doctor();
  await vi.waitUntil(() => began.mock.calls.length > 0, { timeout: 60_000 });
  const report = await untilSettled(examination);
  expect(report.limits.every(({ state }) => state === 'not_checked')).toBe(true);
  expect(report.leftovers).toEqual([]);
  expect(engine.leftovers()).toEqual([]);
  expect((await runtime.readiness()).details.doctor).toBeNull();
});
