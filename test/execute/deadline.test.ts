/** Work is bounded by its deadline and a signal, also when it ignores both, and leaves no timer and no listener behind. */
import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { pause, withDeadline } from '../../src/execute/deadline.js';
import { useFakeTimersInEachTest } from '../fake-timers.js';

useFakeTimersInEachTest();

const onTimeout = (): Error => new Error('too late');
const never = async (): Promise<never> => new Promise<never>(() => undefined);
const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

describe('work with a deadline', () => {
  it('comes to what it comes to, and lets go of the signal', async () => {
    const { signal } = new AbortController();
    expect(await withDeadline({ timeoutMs: 10, signal, onTimeout }, async () => Promise.resolve(5))).toBe(5);
    await expect(
      withDeadline({ timeoutMs: 10, signal, onTimeout }, async () => Promise.reject(new Error('no'))),
    ).rejects.toThrow('no');
    expect(listenersOf(signal)).toBe(0);
  });

  it('is over at its deadline and not before, and is told by its signal', async () => {
    let inner: AbortSignal | undefined;
    const settled = vi.fn();
    const bounded = withDeadline({ timeoutMs: 10, onTimeout }, async (signal) => {
      inner = signal;
      return never();
    });
    bounded.catch(settled);
    await vi.advanceTimersByTimeAsync(9);
    expect(settled).not.toHaveBeenCalled();
    expect(inner?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await expect(bounded).rejects.toThrow('too late');
    expect(inner?.reason).toEqual(new Error('too late'));
  });

  it('is over when its caller’s signal is aborted, with that reason, and lets go of the signal', async () => {
    const caller = new AbortController();
    let inner: AbortSignal | undefined;
    const bounded = withDeadline({ timeoutMs: 10, signal: caller.signal, onTimeout }, async (signal) => {
      inner = signal;
      return never();
    });
    bounded.catch(() => undefined);
    await vi.advanceTimersByTimeAsync(1);
    caller.abort('enough');
    await expect(bounded).rejects.toBe('enough');
    expect(inner?.reason).toBe('enough');
    expect(listenersOf(caller.signal)).toBe(0);
  });

  it('does not begin where the signal was aborted before', async () => {
    const work = vi.fn(never);
    await expect(
      withDeadline({ timeoutMs: 10, signal: AbortSignal.abort('enough'), onTimeout }, work),
    ).rejects.toBe('enough');
    expect(work).not.toHaveBeenCalled();
  });

  it('rejects with what it throws at once', async () => {
    const bounded = withDeadline({ timeoutMs: 10, onTimeout }, () => {
      throw new Error('at once');
    });
    await expect(bounded).rejects.toThrow('at once');
  });
});

describe('a pause', () => {
  it('ends after its time, and lets go of the signal', async () => {
    const { signal } = new AbortController();
    const ended = vi.fn();
    void pause(10, signal).then(ended);
    await vi.advanceTimersByTimeAsync(9);
    expect(ended).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(ended).toHaveBeenCalledTimes(1);
    expect(listenersOf(signal)).toBe(0);
  });

  it('needs no signal', async () => {
    const ended = vi.fn();
    void pause(10).then(ended);
    await vi.advanceTimersByTimeAsync(10);
    expect(ended).toHaveBeenCalledTimes(1);
  });

  it('ends early when the signal is aborted, and does not begin where it was', async () => {
    const caller = new AbortController();
    const ended = vi.fn();
    void pause(10, caller.signal).then(ended);
    caller.abort();
    await vi.advanceTimersByTimeAsync(0);
    expect(ended).toHaveBeenCalledTimes(1);
    await pause(10, caller.signal);
    expect(listenersOf(caller.signal)).toBe(0);
  });
});
