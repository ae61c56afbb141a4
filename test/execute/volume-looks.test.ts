/** What volumes hold is looked at once for all who wait, no more often than the engine can bear. */
import { EngineError } from 'berthkit';
import { fakeEngine } from 'berthkit/testing';
import { describe, expect, it, vi } from 'vitest';
import type { ContainerEngine } from '../../src/engine/types.js';
import { createVolumeLooks } from '../../src/execute/volume-looks.js';
import { useFakeTimersInEachTest } from '../fake-timers.js';

useFakeTimersInEachTest();

const HELD = new Map([['v', 1]]);

/** An engine whose every look takes so many milliseconds, heeds its signal and comes to the next of these. */
function looking(answers: readonly ('ok' | 'busy')[] = ['ok'], takesMs = 0) {
  const at: number[] = [];
  const signals: AbortSignal[] = [];
  const begun = performance.now();
  const usedBytes = async ({ signal }: { signal?: AbortSignal } = {}): Promise<typeof HELD> => {
    const answer = answers[Math.min(at.length, answers.length - 1)];
    at.push(performance.now() - begun);
    if (signal !== undefined) signals.push(signal);
    if (takesMs > 0) await new Promise((resolve) => setTimeout(resolve, takesMs));
    if (answer === 'busy') throw new EngineError('engine.failed', 'busy');
    return HELD;
  };
  const fake = fakeEngine();
  const engine = { ...fake, volumes: { ...fake.volumes!, usedBytes } } as ContainerEngine;
  const looks = createVolumeLooks();
  const over = new AbortController();
  const next = async (signal = over.signal) =>
    looks.next(engine, signal).catch((error: unknown) => (error as Error).message);
  return { looks, engine, at, signals, over, next };
}

describe('looks at volumes', () => {
  it('come half a second after they were asked for, one for all who wait', async () => {
    const { next, at } = looking();
    const found = Promise.all([next(), next()]);
    await vi.advanceTimersByTimeAsync(499);
    expect(at).toEqual([]);
    const late = next();
    await vi.advanceTimersByTimeAsync(1);
    expect([await found, await late, at]).toEqual([[HELD, HELD], HELD, [500]]);
  });

  it('are joined by who comes while one is under way', async () => {
    const { next, at } = looking(['ok'], 100);
    const first = next();
    await vi.advanceTimersByTimeAsync(550);
    const second = next();
    await vi.advanceTimersByTimeAsync(50);
    expect([await first, await second, at]).toEqual([HELD, HELD, [500]]);
  });

  it('are the rarer the longer one takes, whoever asks', async () => {
    const { next, at } = looking(['ok'], 200);
    void next();
    await vi.advanceTimersByTimeAsync(700);
    const found = next();
    await vi.advanceTimersByTimeAsync(2_200);
    expect([await found, at]).toEqual([HELD, [500, 2_700]]);
  });

  it('that fail after a while are no problem for long', async () => {
    const { next, looks, engine } = looking(['busy'], 200);
    const found = next();
    await vi.advanceTimersByTimeAsync(700);
    expect([await found, looks.problemOf(engine)]).toEqual(['busy', null]);
  });

  it('that fail do so for all who wait, and the next one may succeed', async () => {
    const { next, at, looks, engine } = looking(['busy', 'ok']);
    const both = Promise.all([next(), next()]);
    await vi.advanceTimersByTimeAsync(500);
    expect([await both, looks.problemOf(engine)]).toEqual([['busy', 'busy'], null]);
    const found = next();
    await vi.advanceTimersByTimeAsync(500);
    expect([await found, at]).toEqual([HELD, [500, 1_000]]);
  });

  it('are given up after half a minute, and not made again for ten times as long: they may never end', async () => {
    const { next, at, signals, looks, engine } = looking(['ok'], 600_000);
    const found = next();
    await vi.advanceTimersByTimeAsync(30_500);
    const words = expect.stringContaining('did not answer') as string;
    expect([await found, signals[0]?.aborted]).toEqual([words, true]);
    expect(looks.problemOf(engine)).toMatchObject({ code: 'engine.unreachable' });
    void next();
    await vi.advanceTimersByTimeAsync(299_999);
    expect(at).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect([at.length, looks.problemOf(engine)]).toEqual([2, null]);
    await vi.runAllTimersAsync();
  });

  it('are not made, or broken off, when nobody waits for them any more', async () => {
    const { next, at, over, signals } = looking(['ok'], 400);
    const waits = new AbortController();
    const left = next(waits.signal);
    waits.abort(new Error('left'));
    expect(await left).toBe('left');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(at).toEqual([]);
    const [one, two] = [next(over.signal), next()];
    await vi.advanceTimersByTimeAsync(600);
    over.abort(new Error('over'));
    expect([await one, await two, signals[0]?.aborted]).toEqual(['over', 'over', true]);
    await vi.runAllTimersAsync();
    expect(await next()).toBe('over');
  });

  it('go on for the others when one leaves', async () => {
    const { next, at } = looking();
    const waits = new AbortController();
    const [left, stays] = [next(waits.signal), next()];
    waits.abort(new Error('left'));
    await vi.advanceTimersByTimeAsync(500);
    expect([await left, await stays, at]).toEqual(['left', HELD, [500]]);
  });

  it('find nothing where the engine does not tell', async () => {
    const found = createVolumeLooks().next(fakeEngine({ volumes: false }), new AbortController().signal);
    await vi.advanceTimersByTimeAsync(500);
    expect(await found).toEqual(new Map());
  });
});
