import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchIdle } from '../../src/execute/watch-idle.js';

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => vi.useRealTimers());

const nothing = async (): Promise<void> => Promise.resolve();

describe('watchIdle', () => {
  it('counts from the last output, or from the beginning', async () => {
    const onIdle = vi.fn();
    const watch = watchIdle(1_000, onIdle);
    vi.advanceTimersByTime(900);
    await watch.hear(nothing);
    vi.advanceTimersByTime(999);
    expect(onIdle).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(onIdle).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(10_000);
    expect(onIdle).toHaveBeenCalledTimes(1);
  });

  it('does not blame a job for a reader that holds its output back', async () => {
    const onIdle = vi.fn();
    const watch = watchIdle(1_000, onIdle);
    let take = (): void => undefined;
    const passing = watch.hear(async () => new Promise((resolve) => (take = resolve)));
    vi.advanceTimersByTime(5_500);
    take();
    await passing;
    vi.advanceTimersByTime(999);
    expect(onIdle).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(onIdle).toHaveBeenCalledTimes(1);
  });

  it('is over when it is ended, and never begins without a time', async () => {
    const onIdle = vi.fn();
    watchIdle(1_000, onIdle).end();
    await watchIdle(null, onIdle).hear(nothing);
    vi.advanceTimersByTime(86_400_000);
    expect(onIdle).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('passes on what passing comes to', async () => {
    const watch = watchIdle(1_000, vi.fn());
    await expect(watch.hear(async () => Promise.reject(new Error('full')))).rejects.toThrow('full');
    watch.end();
  });
});
