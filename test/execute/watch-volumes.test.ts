/** Volumes are watched while a job runs: what they hold together is told when it is too much, and what keeps it from being told, too. */
import { EngineError } from 'berthkit';
import { fakeEngine } from 'berthkit/testing';
import { describe, expect, it, vi } from 'vitest';
import { createVolumeLooks } from '../../src/execute/volume-looks.js';
import { watchVolumes } from '../../src/execute/watch-volumes.js';
import { useFakeTimersInEachTest } from '../fake-timers.js';

useFakeTimersInEachTest();

type Found = Readonly<Record<string, number | null>> | 'busy';

/** A watch over `a` and `b`, of which each look finds the next of these, the last one again and again. */
function watching(found: readonly Found[], takesMs = 0) {
  const told: string[] = [];
  let looks = 0;
  const usedBytes = async (): Promise<ReadonlyMap<string, number | null>> => {
    const next = found[Math.min(looks, found.length - 1)] ?? {};
    looks += 1;
    if (takesMs > 0) await new Promise((resolve) => setTimeout(resolve, takesMs));
    if (next === 'busy') throw new EngineError('engine.failed', 'busy');
    return new Map(Object.entries(next));
  };
  const fake = fakeEngine();
  const engine = { ...fake, volumes: { ...fake.volumes!, usedBytes } };
  const watch = watchVolumes(createVolumeLooks(), engine, {
    volumes: ['a', 'b'],
    maxBytes: 100,
    onExcess: () => void told.push('excess'),
    onFailure: (error) => void told.push(error instanceof Error ? error.message : 'failure'),
  });
  return { watch, told, looks: () => looks };
}

describe('volumes that are watched', () => {
  it('may hold together what is allowed; more is told once, and looked at no more', async () => {
    const { watch, told, looks } = watching([
      { a: 100, b: 0, other: 1_000 },
      { a: 60, b: 41 },
    ]);
    await vi.advanceTimersByTimeAsync(500);
    expect(told).toEqual([]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect([await watch.end(), told, looks()]).toEqual([true, ['excess'], 2]);
  });

  it('are not looked at for the sake of the end', async () => {
    const { watch, told, looks } = watching([{ a: 1, b: 1 }]);
    await vi.advanceTimersByTimeAsync(600);
    expect([await watch.end(), told, looks()]).toEqual([false, [], 1]);
  });

  it('hold too much also where only a part of it can be told', async () => {
    const { watch, told } = watching([{ a: 101, b: null }]);
    await vi.advanceTimersByTimeAsync(500);
    expect([await watch.end(), told]).toEqual([true, ['excess']]);
  });
});

describe('the end of a watch', () => {
  it.each<[string, readonly Found[], string]>([
    ['that fail', ['busy'], 'busy'],
    ['that cannot tell all of it', [{ a: 1, b: null }], 'the engine could not go through all of the volume'],
    ['that know nothing of a volume', [{ a: 1 }], 'the engine could not go through all of the volume'],
  ])('tells of looks %s, once there were two of them', async (_, found, why) => {
    const { watch, told } = watching(found);
    await vi.advanceTimersByTimeAsync(1_100);
    expect([await watch.end(), told]).toEqual([false, [why]]);
  });

  it.each<[string, readonly Found[]]>([
    ['one alone', ['busy']],
    ['those before one that succeeded', ['busy', 'busy', { a: 1, b: 1 }, 'busy']],
  ])('does not tell of %s', async (_, found) => {
    const { watch, told } = watching(found);
    await vi.advanceTimersByTimeAsync(500 * found.length + 100);
    expect([await watch.end(), told]).toEqual([false, []]);
  });

  it('tells of a look that did not end in time, and waits for none that is under way', async () => {
    const { watch, told } = watching([{ a: 1, b: 1 }], 600_000);
    await vi.advanceTimersByTimeAsync(31_000);
    expect(await watch.end()).toBe(false);
    expect(told).toEqual([expect.stringContaining('did not answer')]);
    await vi.runAllTimersAsync();
  });
});
