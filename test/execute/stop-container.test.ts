/** A container is ended politely, then by force, and at last by removing it; what cannot be done is told and the next thing tried. */
import { EngineError } from 'berthkit';
import { fakeEngine } from 'berthkit/testing';
import { describe, expect, it, vi } from 'vitest';
import type { ContainerEngine, EngineContainers } from '../../src/engine/types.js';
import { stopContainer } from '../../src/execute/stop-container.js';
import { checkingSignals } from './signal-check.js';
import { useFakeTimersInEachTest } from '../fake-timers.js';

useFakeTimersInEachTest();

const ID = 'a'.repeat(64);

interface Script {
  /** The call that ends the container; null: none does. */
  readonly endsAt: string | null;
  readonly fails?: readonly string[];
  /** Calls that are not answered, once for each time they are named; they take effect. */
  readonly unanswered?: readonly string[];
  /** Calls that find no engine, once for each time they are named. */
  readonly unreachable?: readonly string[];
  readonly inspect?: EngineContainers['inspect'];
}

const silent = async (): Promise<never> => new Promise(() => undefined);

/** A container that ends at one of the calls, or never. */
function stopping({ endsAt, fails = [], inspect = async () => Promise.resolve(null), ...script }: Script) {
  const unanswered = [...(script.unanswered ?? [])];
  const unreachable = [...(script.unreachable ?? [])];
  const next = (names: string[], name: string): boolean => {
    const index = names.indexOf(name);
    if (index !== -1) names.splice(index, 1);
    return index !== -1;
  };
  const calls: string[] = [];
  const told: string[] = [];
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const call = async (name: string): Promise<void> => {
    calls.push(name);
    if (fails.includes(name)) throw new EngineError('engine.failed', 'busy');
    if (next(unreachable, name)) throw new EngineError('engine.unreachable', 'gone');
    const isAnswered = !next(unanswered, name);
    if (name === endsAt) end();
    return isAnswered ? Promise.resolve() : silent();
  };
  const engine = fakeEngine();
  const containers: EngineContainers = {
    ...engine.containers,
    inspect,
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
});

describe('an engine that does not answer', () => {
  it('puts off SIGKILL by a moment, and the signal is sent again', async () => {
    const { calls, told, stop } = stopping({ endsAt: 'SIGKILL', unanswered: ['SIGTERM', 'SIGTERM'] });
    const stopped = stop(2_000);
    await vi.advanceTimersByTimeAsync(2_999);
    expect(calls).toEqual(['SIGTERM', 'SIGTERM']);
    await vi.advanceTimersByTimeAsync(1);
    await stopped;
    expect(calls).toEqual(['SIGTERM', 'SIGTERM', 'SIGKILL']);
    expect(told).toEqual(['could not send SIGTERM: the engine did not answer', 'signal_sent SIGKILL']);
  });

  it('takes the second of two signals, and the job has its grace', async () => {
    const { calls, told, stop } = stopping({ endsAt: null, unanswered: ['SIGTERM'] });
    void stop(60_000);
    await vi.advanceTimersByTimeAsync(59_000);
    expect(calls).toEqual(['SIGTERM', 'SIGTERM']);
    expect(told).toEqual(['signal_sent SIGTERM']);
    await vi.advanceTimersByTimeAsync(60_000);
  });

  it('is not sent a second signal that may count twice while it answers nothing else, either', async () => {
    const { calls, stop } = stopping({ endsAt: null, unanswered: ['SIGTERM'], inspect: silent });
    void stop(8_000);
    await vi.advanceTimersByTimeAsync(8_999);
    expect(calls).toEqual(['SIGTERM']);
    await vi.advanceTimersByTimeAsync(60_000);
  });

  it('is sent SIGKILL again and again', async () => {
    const { calls, told, stop } = stopping({ endsAt: null, unanswered: ['SIGKILL', 'SIGKILL'] });
    void stop(null);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(calls).toEqual(['SIGKILL', 'SIGKILL', 'SIGKILL']);
    expect(told).toEqual(['signal_sent SIGKILL']);
    await vi.advanceTimersByTimeAsync(60_000);
  });

  it('has sent the signal all the same where the container ends', async () => {
    const { calls, told, stop } = stopping({ endsAt: 'SIGKILL', unanswered: ['SIGKILL'] });
    await stop(null);
    expect(calls).toEqual(['SIGKILL']);
    expect(told).toEqual(['signal_sent SIGKILL']);
  });

  it('is called again where it could not be reached', async () => {
    const { calls, told, stop } = stopping({
      endsAt: 'SIGKILL',
      unreachable: ['SIGTERM', 'SIGTERM', 'SIGKILL'],
    });
    const stopped = stop(3_000);
    await vi.advanceTimersByTimeAsync(4_000 + 1_000);
    await stopped;
    expect(calls).toEqual(['SIGTERM', 'SIGTERM', 'SIGKILL', 'SIGKILL']);
    expect(told).toEqual(['could not send SIGTERM: gone', 'signal_sent SIGKILL']);
  });

  it('at all is called a few times, given up, and told of', async () => {
    const names = ['SIGTERM', 'SIGKILL', 'remove'].flatMap((name) => Array<string>(20).fill(name));
    const { calls, told, stop } = stopping({ endsAt: null, unanswered: names });
    const given = vi.fn();
    void stop(1_000).then(given);
    await vi.advanceTimersByTimeAsync(2_000 + 11_000 + 60_000 + 10_000);
    expect(given).toHaveBeenCalledTimes(1);
    expect(calls).toEqual(['SIGTERM', 'SIGTERM', ...Array<string>(4).fill('SIGKILL'), 'remove']);
    expect(told).toEqual([
      'could not send SIGTERM: the engine did not answer',
      'could not send SIGKILL: the engine did not answer',
      'the container did not end after SIGKILL; it is removed by force',
      'could not remove the container by force: the engine did not answer "remove" within 60000 ms',
    ]);
  });

  it('does not hold up the end by a removal that was not answered', async () => {
    const { told, stop } = stopping({ endsAt: 'remove', unanswered: ['remove'] });
    const stopped = stop(null);
    await vi.advanceTimersByTimeAsync(10_000 + 1_000);
    await stopped;
    expect(told).toEqual([
      'signal_sent SIGKILL',
      'the container did not end after SIGKILL; it is removed by force',
    ]);
  });
});
