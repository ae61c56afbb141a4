/** A container is ended politely, then by force, and at last by removing it; what cannot be done is told and the next thing tried. */
import { EngineError } from 'berthkit';
import { fakeEngine } from 'berthkit/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ContainerEngine, EngineContainers } from '../../src/engine/types.js';
import { stopContainer } from '../../src/execute/stop-container.js';
import { checkingSignals } from './signal-check.js';

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  const left = vi.getTimerCount();
  vi.useRealTimers();
  expect(left).toBe(0);
});

const ID = 'a'.repeat(64);

interface Script {
  /** The call at which the container ends; null: it never does. */
  readonly endsAt: string | null;
  readonly fails?: readonly string[];
  /** The engine answers no call. */
  readonly hangs?: boolean;
}

/** A container that ends at one of the calls, or never. */
function stopping({ endsAt, fails = [], hangs = false }: Script) {
  const calls: string[] = [];
  const told: string[] = [];
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const call = async (name: string): Promise<void> => {
    calls.push(name);
    if (fails.includes(name)) throw new EngineError('engine.failed', 'busy');
    if (name === endsAt) end();
    return hangs ? new Promise(() => undefined) : Promise.resolve();
  };
  const engine = fakeEngine();
  const containers: EngineContainers = {
    ...engine.containers,
    kill: async (id, signal) => call(`${signal} ${id === ID ? '' : id}`.trim()),
    remove: async (id) => call(`remove ${id === ID ? '' : id}`.trim()),
  };
  const without: string[] = [];
  const checked = checkingSignals(containers, without);
  const stop = async (stopGraceMs: number | null): Promise<void> =>
    stopContainer(
      {
        engine: { ...engine, containers: checked } satisfies ContainerEngine,
        stopSignal: 'SIGTERM',
        stopGraceMs,
        onSighting: (fact) =>
          void told.push('signal' in fact ? `${fact.kind} ${String(fact.signal)}` : fact.kind),
        onWarning: (message) => void told.push(message),
      },
      ID,
      ended,
    );
  return { calls, told, stop, without };
}

describe('a container that is stopped', () => {
  it('gets its signal, and nothing more where it ends in time', async () => {
    const { calls, told, stop } = stopping({ endsAt: 'SIGTERM' });
    await stop(1_000);
    expect(calls).toEqual(['SIGTERM']);
    expect(told).toEqual(['signal_sent SIGTERM']);
  });

  it('gets SIGKILL when its grace is over, and not before', async () => {
    const { calls, told, stop } = stopping({ endsAt: 'SIGKILL' });
    const stopped = stop(1_000);
    await vi.advanceTimersByTimeAsync(999);
    expect(calls).toEqual(['SIGTERM']);
    await vi.advanceTimersByTimeAsync(1);
    await stopped;
    expect(calls).toEqual(['SIGTERM', 'SIGKILL']);
    expect(told).toEqual(['signal_sent SIGTERM', 'signal_sent SIGKILL']);
  });

  it('gets SIGKILL at once where it has no grace', async () => {
    const { calls, stop } = stopping({ endsAt: 'SIGKILL' });
    await stop(null);
    expect(calls).toEqual(['SIGKILL']);
  });

  it('is removed by force when SIGKILL does not end it', async () => {
    const { calls, told, stop } = stopping({ endsAt: 'remove' });
    const stopped = stop(null);
    await vi.advanceTimersByTimeAsync(9_999);
    expect(calls).toEqual(['SIGKILL']);
    await vi.advanceTimersByTimeAsync(1);
    await stopped;
    expect(calls).toEqual(['SIGKILL', 'remove']);
    expect(told).toEqual([
      'signal_sent SIGKILL',
      'the container did not end after SIGKILL; it is removed by force',
      'removed_by_force',
    ]);
  });

  it('is given up when nothing ends it, and each thing that could not be done is told', async () => {
    const { calls, told, stop } = stopping({ endsAt: null, fails: ['SIGTERM', 'SIGKILL', 'remove'] });
    const given = vi.fn();
    void stop(1_000).then(given);
    await vi.advanceTimersByTimeAsync(1_000 + 10_000);
    expect(calls).toEqual(['SIGTERM', 'SIGKILL', 'remove']);
    expect(given).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(given).toHaveBeenCalledTimes(1);
    expect(told).toEqual([
      'could not send SIGTERM: busy',
      'could not send SIGKILL: busy',
      'the container did not end after SIGKILL; it is removed by force',
      'could not remove the container by force: busy',
    ]);
  });

  it('on an engine that answers nothing is given up too, each call after a minute', async () => {
    const { calls, told, stop, without } = stopping({ endsAt: null, hangs: true });
    const given = vi.fn();
    void stop(1_000).then(given);
    await vi.advanceTimersByTimeAsync(60_000 + 1_000 + 60_000 + 10_000 + 60_000 + 10_000);
    expect(given).toHaveBeenCalledTimes(1);
    expect([calls, without]).toEqual([['SIGTERM', 'SIGKILL', 'remove'], []]);
    expect(told).toEqual([
      'could not send SIGTERM: the engine did not answer "kill" within 60000 ms',
      'could not send SIGKILL: the engine did not answer "kill" within 60000 ms',
      'the container did not end after SIGKILL; it is removed by force',
      'could not remove the container by force: the engine did not answer "remove" within 60000 ms',
    ]);
  });
});
