/** Work goes on as long as it says that it does, and is given up when it has been silent for too long, or when its caller has had enough. */
import { describe, expect, it, vi } from 'vitest';
import { whileMoving } from '../../src/execute/while-moving.js';
import { useFakeTimersInEachTest } from '../fake-timers.js';

useFakeTimersInEachTest();

const IDLE = new Error('nothing moves');
const CANCELLED = new Error('enough');

/** Work that never settles by itself, and heeds no signal. */
function stuck() {
  const caller = new AbortController();
  const seen: { signal: AbortSignal | null; moved: () => void } = { signal: null, moved: () => undefined };
  const told = vi.fn();
  void whileMoving({ idleMs: 1_000, signal: caller.signal, onIdle: () => IDLE }, async (signal, moved) => {
    Object.assign(seen, { signal, moved });
    return new Promise<never>(() => undefined);
  }).catch(told);
  return { caller, seen, told };
}

describe('work that moves', () => {
  it('gives what it comes to, or fails as it fails', async () => {
    const limit = { idleMs: 1_000, signal: new AbortController().signal, onIdle: () => IDLE };
    expect(await whileMoving(limit, async () => Promise.resolve('done'))).toBe('done');
    const failure = new Error('refused');
    await expect(whileMoving(limit, async () => Promise.reject(failure))).rejects.toBe(failure);
  });

  it('has its whole time again after each word of it', async () => {
    const { seen, told } = stuck();
    for (let step = 0; step < 5; step += 1) {
      await vi.advanceTimersByTimeAsync(999);
      seen.moved();
    }
    await vi.advanceTimersByTimeAsync(999);
    expect([told.mock.calls, seen.signal?.aborted]).toEqual([[], false]);
    await vi.advanceTimersByTimeAsync(1);
    expect(told).toHaveBeenCalledWith(IDLE);
    expect(seen.signal?.reason).toBe(IDLE);
  });

  it('is given up at once when its caller has had enough', async () => {
    const { caller, seen, told } = stuck();
    caller.abort(CANCELLED);
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toHaveBeenCalledWith(CANCELLED);
    expect(seen.signal?.reason).toBe(CANCELLED);
  });
});
