/** A container is started once; where the answer is lost, what the engine shows of it counts, and no deadline or stop waits for the answer. */
import { EngineError } from 'berthkit';
import { fakeEngine } from 'berthkit/testing';
import { describe, expect, it, vi } from 'vitest';
import type { ContainerInfo, EngineContainers } from '../../src/engine/types.js';
import { startContainer } from '../../src/execute/start-container.js';
import { createStopSource } from '../../src/execute/stop.js';
import { useFakeTimersInEachTest } from '../fake-timers.js';

useFakeTimersInEachTest();

const ID = 'a'.repeat(64);
const AWAY = new EngineError('engine.unreachable', 'gone');
const looking = (startedAt: string | null): ContainerInfo => ({
  ...{ id: ID, name: 'a', imageId: 'i', status: startedAt === null ? 'created' : 'running', startedAt },
  ...{ finishedAt: null, exitCode: null, oomKilled: false, error: '', labels: {}, applied: null },
});
const silent = async (): Promise<never> => new Promise(() => undefined);
/** As an engine whose connection died ends a call: when it is told to. */
const hanging = async (options?: { readonly signal?: AbortSignal }): Promise<never> =>
  new Promise((_resolve, reject) => {
    options?.signal?.addEventListener('abort', () => {
      reject(AWAY);
    });
  });

function starting(calls: Partial<EngineContainers>, runMs = 60_000) {
  const fake = fakeEngine();
  const stop = createStopSource(() => 'now');
  const engine = { ...fake, containers: { ...fake.containers, ...calls } };
  const outcome = vi.fn();
  startContainer({ engine, stop, runMs }, ID).then(outcome, outcome);
  return { stop, outcome };
}

describe('a start', () => {
  it('that is answered gives the job all of its time, and is not looked at', async () => {
    const inspect = vi.fn();
    const answer = async (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 900));
    const { outcome } = starting({ start: answer, inspect });
    await vi.advanceTimersByTimeAsync(900);
    expect(outcome).toHaveBeenCalledWith({ outcome: 'started', ranMs: 0 });
    expect(inspect).not.toHaveBeenCalled();
  });

  it('of a job that may run as long as a timer can is waited for like any other', async () => {
    const answer = async (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 900));
    const { stop, outcome } = starting({ start: answer }, 2 ** 31 - 1);
    await vi.advanceTimersByTimeAsync(900);
    expect([stop.cause, outcome.mock.lastCall]).toEqual([null, [{ outcome: 'started', ranMs: 0 }]]);
  });

  it('of which the answer is lost is seen, and the time since its request counts', async () => {
    const { outcome } = starting({ start: silent, inspect: async () => Promise.resolve(looking('then')) });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(outcome).toHaveBeenCalledWith({ outcome: 'started', ranMs: 1_000 });
  });

  it('is looked at again after a look on a connection that died, too, and after one that failed', async () => {
    const looks = [hanging, async () => Promise.reject(AWAY), async () => Promise.resolve(looking('then'))];
    const inspect: EngineContainers['inspect'] = async (_id, options) =>
      (looks.shift() ?? hanging)(options as { signal: AbortSignal });
    const { outcome } = starting({ start: silent, inspect });
    await vi.advanceTimersByTimeAsync(1_000 + 5_000 + 1_000 + 999);
    expect(outcome).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(outcome).toHaveBeenCalledWith({ outcome: 'started', ranMs: 8_000 });
  });

  it('that takes its time is waited for', async () => {
    const answer = async (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 9_500));
    const { outcome } = starting({ start: answer, inspect: async () => Promise.resolve(looking(null)) }, 1);
    await vi.advanceTimersByTimeAsync(9_500);
    expect(outcome).toHaveBeenCalledWith({ outcome: 'started', ranMs: 0 });
  });

  it('that is neither answered nor seen puts off the deadline of its run by seconds', async () => {
    const { stop, outcome } = starting({ start: silent, inspect: silent }, 5_000);
    await vi.advanceTimersByTimeAsync(14_999);
    expect(stop.cause).toBeNull();
    await vi.advanceTimersByTimeAsync(1);
    expect(stop.cause).toMatchObject({
      ...{ reason: 'timed_out', by: 'deadline' },
      message: 'was not seen to start within its timeout of 5000 ms',
    });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(outcome).toHaveBeenCalledWith({ outcome: 'unknown' });
  });

  it('gets seconds to be answered after a stop', async () => {
    const { stop, outcome } = starting({
      start: silent,
      inspect: async () => Promise.resolve(looking(null)),
    });
    stop.stop({ reason: 'cancelled', by: 'caller', message: 'enough' });
    await vi.advanceTimersByTimeAsync(1_999);
    expect(outcome).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(outcome).toHaveBeenCalledWith({ outcome: 'unknown' });
  });

  it('that fails for want of an engine, late, has taken place where the container says so', async () => {
    let isThere = false;
    const { outcome } = starting({
      start: async (_id, options) => hanging(options as { signal: AbortSignal }),
      inspect: async () => (isThere ? Promise.resolve(looking('then')) : Promise.reject(AWAY)),
    });
    await vi.advanceTimersByTimeAsync(59_500);
    expect(outcome).not.toHaveBeenCalled();
    isThere = true;
    await vi.advanceTimersByTimeAsync(500);
    expect(outcome).toHaveBeenCalledWith({ outcome: 'started', ranMs: 60_000 });
  });
});
