import { createRuntime } from 'berthkit';
import { fakeEngine } from 'berthkit/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ContainerEngine, ContainerStats } from '../../src/engine/types.js';
import { watchUsage } from '../../src/execute/watch-usage.js';

type Stats = NonNullable<ContainerEngine['containers']['stats']>;

function engineWith(stats: Stats): ContainerEngine {
  const engine = fakeEngine();
  return { ...engine, containers: { ...engine.containers, stats } };
}

const stats = (
  memoryBytes: number,
  cpuTimeMs: number,
  peakMemoryBytes: number | null = null,
): ContainerStats => ({
  memoryBytes,
  cpuTimeMs,
  peakMemoryBytes,
});

describe('watchUsage', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('costs a short run nothing, and a long one a reading every two seconds', async () => {
    let began = Date.now();
    const at: number[] = [];
    const watch = watchUsage(
      engineWith(async () => {
        at.push(Date.now() - began);
        return Promise.resolve(stats(1, 1));
      }),
      'id',
    );
    began = Date.now();
    await vi.advanceTimersByTimeAsync(249);
    expect(at).toEqual([]);
    await vi.advanceTimersByTimeAsync(7_501);
    expect(at).toEqual([250, 750, 1750, 3750, 5750, 7750]);
    watch.end();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(at).toHaveLength(6);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps the highest of what it saw, and the peak of the kernel where there is one', async () => {
    const told = [stats(5, 10), stats(9, 20), null, stats(2, 30)];
    const watch = watchUsage(
      engineWith(async () => Promise.resolve(told.shift() ?? null)),
      'id',
    );
    await vi.advanceTimersByTimeAsync(4_000);
    expect(watch.end()).toEqual({ peakMemoryBytes: 9, cpuTimeMs: 30 });
    const kernel = watchUsage(
      engineWith(async () => Promise.resolve(stats(5, 10, 50))),
      'id',
    );
    await vi.advanceTimersByTimeAsync(300);
    expect(kernel.end()).toEqual({ peakMemoryBytes: 50, cpuTimeMs: 10 });
  });

  it.each<[string, ContainerStats | null]>([
    ['does not run', null],
    ['is of an engine that tells nothing', { memoryBytes: null, cpuTimeMs: null, peakMemoryBytes: null }],
  ])('knows nothing of what %s', async (_name, answer) => {
    const watch = watchUsage(
      engineWith(async () => Promise.resolve(answer)),
      'id',
    );
    await vi.advanceTimersByTimeAsync(1_000);
    expect(watch.end()).toBeNull();
  });

  it.each([
    [
      'memory',
      { memoryBytes: 5, cpuTimeMs: null, peakMemoryBytes: null },
      { peakMemoryBytes: 5, cpuTimeMs: null },
    ],
    [
      'time',
      { memoryBytes: null, cpuTimeMs: 7, peakMemoryBytes: null },
      { peakMemoryBytes: null, cpuTimeMs: 7 },
    ],
  ])('knows of an engine that tells only the %s no more than that', async (_, answer, usage) => {
    const watch = watchUsage(
      engineWith(async () => Promise.resolve(answer)),
      'id',
    );
    await vi.advanceTimersByTimeAsync(1_000);
    expect(watch.end()).toEqual(usage);
  });

  it('passes over readings that fail', async () => {
    const outcomes = [stats(5, 1), new Error('busy'), new Error('busy'), stats(4, 3)];
    const watch = watchUsage(
      engineWith(async () => {
        const next = outcomes.shift();
        return next instanceof Error ? Promise.reject(next) : Promise.resolve(next ?? null);
      }),
      'id',
    );
    await vi.advanceTimersByTimeAsync(4_000);
    expect(watch.end()).toEqual({ peakMemoryBytes: 5, cpuTimeMs: 3 });
  });

  it('never has two readings under way, and lets go of one that hangs', async () => {
    const signals: (AbortSignal | undefined)[] = [];
    const watch = watchUsage(
      engineWith(async (_id, options) => {
        signals.push(options?.signal);
        return new Promise<never>(() => undefined);
      }),
      'id',
    );
    await vi.advanceTimersByTimeAsync(10_000);
    watch.look();
    expect(signals).toHaveLength(1);
    expect(watch.end()).toBeNull();
    expect(signals[0]?.aborted).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('asks no engine that cannot tell', async () => {
    const asked = vi.fn<Stats>();
    const engine = engineWith(asked);
    const watch = watchUsage({ ...engine, capabilities: { ...engine.capabilities, stats: false } }, 'id');
    await vi.advanceTimersByTimeAsync(1_000);
    watch.look();
    expect(watch.end()).toBeNull();
    expect(asked).not.toHaveBeenCalled();
  });
});

describe('usage in a result', () => {
  it('is there also when the run was stopped before the first reading was due', async () => {
    const engine = fakeEngine({
      run: async (job) => {
        job.use({ memoryBytes: 700, cpuTimeMs: 3 });
        job.use({ memoryBytes: 200, cpuTimeMs: 8 });
        await job.stdout('ready\n');
        return job.sleepUntilKilled();
      },
    });
    await using runtime = createRuntime({}, { engine });
    const controller = new AbortController();
    const result = await runtime.runJob(
      { docker: { image: 'busybox:1' } },
      {
        signal: controller.signal,
        onLine: () => {
          controller.abort(new Error('enough'));
        },
      },
    );
    expect(result).toMatchObject({ status: 'cancelled', usage: { peakMemoryBytes: 700, cpuTimeMs: 8 } });
  });

  it('is null where the engine tells nothing', async () => {
    await using runtime = createRuntime({}, { engine: fakeEngine() });
    expect(await runtime.runJob({ docker: { image: 'busybox:1' } })).toMatchObject({ usage: null });
  });
});
