/** A call to an engine that never answers is given up, with its name. */
import { fakeEngine } from 'berthkit/testing';
import { describe, expect, it, vi } from 'vitest';
import { engineCall } from '../../src/execute/engine-call.js';
import { useFakeTimersInEachTest } from '../fake-timers.js';

useFakeTimersInEachTest();

describe('a call to an engine', () => {
  it('that does not answer is given up after a minute, and ended', async () => {
    const engine = fakeEngine({ fail: [{ call: 'info', hang: true }] });
    const told = vi.fn();
    let signal: AbortSignal | null = null;
    void engineCall('info', undefined, async (given) => {
      signal = given;
      return engine.info({ signal: given });
    }).catch(told);
    await vi.advanceTimersByTimeAsync(59_999);
    expect(told).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(told.mock.lastCall).toMatchObject([
      { code: 'engine.unreachable', message: 'the engine did not answer "info" within 60000 ms' },
    ]);
    expect(signal).toMatchObject({ aborted: true });
  });

  it('ends with its caller’s signal', async () => {
    const caller = new AbortController();
    const reason = new Error('enough');
    const told = vi.fn();
    void engineCall('info', caller.signal, async () => new Promise(() => undefined)).catch(told);
    caller.abort(reason);
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toHaveBeenCalledWith(reason);
  });
});
