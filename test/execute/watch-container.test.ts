/** The end of a container is what `inspect` says, whatever `wait` says or does not; an engine that is away gets time to come back. */
import { EngineError } from 'berthkit';
import { fakeEngine } from 'berthkit/testing';
import { describe, expect, it, vi } from 'vitest';
import type { ContainerEngine, ContainerInfo } from '../../src/engine/types.js';
import { createEngineContact } from '../../src/execute/engine-contact.js';
import { watchContainer } from '../../src/execute/watch-container.js';
import { useFakeTimersInEachTest } from '../fake-timers.js';

useFakeTimersInEachTest();

const ID = 'a'.repeat(64);
const away = new EngineError('engine.unreachable', 'gone');
const infoOf = (status: ContainerInfo['status']): ContainerInfo => ({
  ...{ id: ID, name: 'n', imageId: 'sha256:i', status, startedAt: null, finishedAt: null },
  ...{ exitCode: status === 'exited' ? 0 : null, oomKilled: false, error: '', labels: {}, applied: null },
});

interface Script {
  /** What each look finds; the last one for all that follow. */
  readonly looks: readonly (ContainerInfo['status'] | 'gone' | 'away' | 'silent' | 'slow')[];
  /** What `wait` does: nothing ever, resolve at once, or reject. */
  readonly wait?: 'hangs' | 'resolves' | 'rejects';
}

function watching({ looks, wait = 'hangs' }: Script) {
  const engine = fakeEngine();
  const told: string[] = [];
  let count = 0;
  let waits = 0;
  const containers: ContainerEngine['containers'] = {
    ...engine.containers,
    inspect: async (id) => {
      expect(id).toBe(ID);
      const look = looks[Math.min(count, looks.length - 1)] ?? 'gone';
      count += 1;
      if (look === 'away') return Promise.reject(away);
      if (look === 'silent') return new Promise(() => undefined);
      if (look === 'slow')
        return new Promise((resolve) => setTimeout(() => resolve(infoOf('exited')), 20_000));
      return Promise.resolve(look === 'gone' ? null : infoOf(look));
    },
    wait: async (_id, options) => {
      waits += 1;
      if (wait === 'resolves') return Promise.resolve();
      if (wait === 'rejects') return Promise.reject(away);
      return new Promise<void>((_resolve, reject) => {
        options?.signal?.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
      });
    },
  };
  const contact = createEngineContact(({ kind }) => void told.push(kind));
  const watch = watchContainer({ ...engine, containers }, ID, contact);
  const ended = vi.fn();
  void watch.ended.then(({ info }) => void ended(info?.status ?? null));
  return { watch, ended, told, looks: () => count, waits: () => waits };
}

describe('a watched container', () => {
  it.each(['exited', 'dead', 'created'] as const)('that is %s has ended', async (status) => {
    const { ended } = watching({ looks: ['running', status], wait: 'resolves' });
    await vi.advanceTimersByTimeAsync(0);
    expect(ended).toHaveBeenCalledWith(status);
  });

  it('that is gone has ended', async () => {
    const { ended } = watching({ looks: ['gone'], wait: 'resolves' });
    await vi.advanceTimersByTimeAsync(0);
    expect(ended).toHaveBeenCalledWith(null);
  });

  it('is looked at by another connection where one does not answer, and that is no loss of the engine', async () => {
    const { ended, told, looks } = watching({ looks: ['silent', 'exited'], wait: 'resolves' });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(ended).toHaveBeenCalledWith('exited');
    expect([told, looks()]).toEqual([[], 2]);
  });

  it('is told by a look that was only slow, however many were made meanwhile', async () => {
    const { ended, looks } = watching({ looks: ['slow', 'silent'], wait: 'resolves' });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(ended).toHaveBeenCalledWith('exited');
    expect(looks()).toBe(3);
  });

  it('is looked at every 5 s while its wait says nothing', async () => {
    const { ended, looks } = watching({ looks: ['running', 'paused', 'exited'] });
    await vi.advanceTimersByTimeAsync(4_999);
    expect(looks()).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(looks()).toBe(1);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(ended).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(ended).toHaveBeenCalledWith('exited');
  });

  it('that is being removed is looked at again in a moment, not in a tight loop', async () => {
    const { ended, looks } = watching({ looks: ['removing', 'removing', 'gone'], wait: 'resolves' });
    await vi.advanceTimersByTimeAsync(0);
    expect(looks()).toBe(1);
    await vi.advanceTimersByTimeAsync(250);
    expect(looks()).toBe(2);
    await vi.advanceTimersByTimeAsync(250);
    expect(ended).toHaveBeenCalledWith(null);
  });

  it('is looked at again a moment after its wait was refused, and the loss is told', async () => {
    const { ended, told, looks } = watching({ looks: ['running', 'exited'], wait: 'rejects' });
    await vi.advanceTimersByTimeAsync(249);
    expect([told, looks()]).toEqual([['engine_lost'], 0]);
    await vi.advanceTimersByTimeAsync(1);
    expect(told).toEqual(['engine_lost', 'engine_back', 'engine_lost']);
    await vi.advanceTimersByTimeAsync(250);
    expect(ended).toHaveBeenCalledWith('exited');
  });

  it('outlives an engine that is away for less than a minute', async () => {
    const { ended, told } = watching({
      looks: [...Array.from({ length: 10 }, () => 'away' as const), 'exited'],
      wait: 'rejects',
    });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(ended).toHaveBeenCalledWith('exited');
    expect(told).toEqual(['engine_lost', 'engine_back']);
  });

  it('is given up when the engine is away for more than a minute', async () => {
    const { ended } = watching({ looks: ['away'], wait: 'rejects' });
    await vi.advanceTimersByTimeAsync(59_000);
    expect(ended).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(ended).toHaveBeenCalledWith(null);
  });
});

describe('a watch that is abandoned', () => {
  it('looks once more and ends, whatever it finds', async () => {
    const { watch, ended, looks } = watching({ looks: ['running'] });
    await vi.advanceTimersByTimeAsync(1_000);
    watch.abandon();
    await vi.advanceTimersByTimeAsync(0);
    expect(ended).toHaveBeenCalledWith('running');
    expect(looks()).toBe(1);
  });

  it('before its first look does not wait for anything', async () => {
    const { watch, ended, waits } = watching({ looks: ['running'] });
    watch.abandon();
    await vi.advanceTimersByTimeAsync(0);
    expect(ended).toHaveBeenCalledWith('running');
    expect(waits()).toBe(1);
  });

  it('ends also where the engine does not answer', async () => {
    const { watch, ended } = watching({ looks: ['away'] });
    await vi.advanceTimersByTimeAsync(1_000);
    watch.abandon();
    await vi.advanceTimersByTimeAsync(0);
    expect(ended).toHaveBeenCalledWith(null);
  });
});
