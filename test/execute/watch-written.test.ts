/** What a container has written is looked at now and then, no more often than the engine can bear, and once more at the end. */
import { EngineError } from 'berthkit';
import { fakeEngine } from 'berthkit/testing';
import { describe, expect, it, vi } from 'vitest';
import type { EngineContainers } from '../../src/engine/types.js';
import { watchWritten } from '../../src/execute/watch-written.js';
import { useFakeTimersInEachTest } from '../fake-timers.js';

useFakeTimersInEachTest();

const ID = 'a'.repeat(64);
const BUSY = new EngineError('engine.failed', 'busy');

/** A watch over a container of which each look finds the next of these amounts, the last one again and again, after so many milliseconds. */
function watching(found: readonly (number | null | 'failure')[], takesMs = 0) {
  const engine = fakeEngine();
  const told: string[] = [];
  const looks: string[] = [];
  const writtenBytes: NonNullable<EngineContainers['writtenBytes']> = async (id) => {
    const next = found[Math.min(looks.length, found.length - 1)] ?? null;
    looks.push(id);
    if (takesMs > 0) await new Promise((resolve) => setTimeout(resolve, takesMs));
    if (next === 'failure') throw BUSY;
    return next;
  };
  const watch = watchWritten({ ...engine, containers: { ...engine.containers, writtenBytes } }, ID, {
    maxBytes: 100,
    onExcess: () => void told.push('excess'),
    onMeasured: (bytes) => void told.push(String(bytes)),
    onFailure: (error) => void told.push(error instanceof Error ? error.message : 'failure'),
  });
  return { watch, told, looks };
}

describe('what a container writes', () => {
  it('is looked at every half second, and not before', async () => {
    const { watch, told, looks } = watching([1, 2, 3]);
    await vi.advanceTimersByTimeAsync(499);
    expect(looks).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(looks).toEqual([ID]);
    await vi.advanceTimersByTimeAsync(500);
    expect(told).toEqual(['1', '2']);
    await watch.end();
  });

  it('is looked at less often the longer a look takes', async () => {
    const { watch, looks } = watching([1], 400);
    await vi.advanceTimersByTimeAsync(500 + 400 + 1_999);
    expect(looks).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(looks).toHaveLength(2);
    const ended = watch.end();
    await vi.advanceTimersByTimeAsync(1_000);
    await ended;
  });

  it('may be as much as is allowed; what is more is told once, and looked at no more', async () => {
    const { watch, told } = watching([100, 101, 102]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(told).toEqual(['100', '101', 'excess']);
    await watch.end();
    expect(told).toEqual(['100', '101', 'excess']);
  });

  it('is nothing where the engine has nothing to tell', async () => {
    const { watch, told } = watching([null]);
    await watch.end();
    expect(told).toEqual(['0']);
  });
});

describe('the end of a watch', () => {
  it('is a last look, at once, which finds what was written since the one before', async () => {
    const { watch, told } = watching([1, 101]);
    await vi.advanceTimersByTimeAsync(600);
    expect(told).toEqual(['1']);
    await watch.end();
    expect(told).toEqual(['1', '101', 'excess']);
  });

  it('waits for the look that is under way, and looks once more', async () => {
    const { watch, looks } = watching([1], 1_000);
    await vi.advanceTimersByTimeAsync(600);
    const over = vi.fn();
    void watch.end().then(over);
    await vi.advanceTimersByTimeAsync(1_899);
    expect([looks.length, over.mock.calls]).toEqual([2, []]);
    await vi.advanceTimersByTimeAsync(1);
    expect(over).toHaveBeenCalledTimes(1);
  });

  it('tells of a look that failed only when it was the last: while the job runs, the next one tells as much', async () => {
    const { watch, told } = watching(['failure', 1, 'failure']);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told).toEqual(['1']);
    await watch.end();
    expect(told).toEqual(['1', 'busy']);
  });
});
