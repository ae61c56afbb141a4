/** One signal for many runs: each hears of it, none is forgotten with another, and Node has nothing to warn of. */
import { getEventListeners } from 'node:events';
import process from 'node:process';
import { createRuntime } from 'berthkit';
import { fakeEngine } from 'berthkit/testing';
import { expect, it, vi } from 'vitest';
import { followSignal } from '../src/run-signal.js';

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

it('is heard by all who follow it and have not left, each once', () => {
  const controller = new AbortController();
  const { signal } = controller;
  const [first, second, third] = [vi.fn(), vi.fn(), vi.fn()];
  const leaveFirst = followSignal(signal, first);
  const leaveSecond = followSignal(signal, second);
  followSignal(signal, third);
  expect(listeners(signal)).toBe(1);
  leaveFirst();
  leaveFirst();
  controller.abort();
  leaveSecond();
  expect([first, second, third].map(({ mock }) => mock.calls.length)).toEqual([0, 1, 1]);
});

it('has no listener when all have left, and one again for whoever comes then', () => {
  const controller = new AbortController();
  const { signal } = controller;
  const [early, late] = [vi.fn(), vi.fn()];
  const leave = followSignal(signal, early);
  leave();
  expect(listeners(signal)).toBe(0);
  followSignal(signal, late);
  leave();
  controller.abort();
  expect([early.mock.calls.length, late.mock.calls.length]).toEqual([0, 1]);
});

it('given to many runs cancels them all, and Node warns of nothing', async () => {
  const warned = vi.fn();
  process.on('warning', warned);
  const controller = new AbortController();
  const { signal } = controller;
  const runtime = createRuntime({}, { engine: fakeEngine({ run: async (job) => job.sleepUntilKilled() }) });
  try {
    const runs = Array.from({ length: 20 }, async () =>
      runtime.runJob({ docker: { image: 'busybox:1' } }, { signal }),
    );
    expect(listeners(signal)).toBe(1);
    controller.abort(new Error('enough'));
    const reasons = (await Promise.all(runs)).map(({ reason }) => reason);
    expect(new Set(reasons)).toEqual(new Set(['cancelled']));
    expect([listeners(signal), warned.mock.calls]).toEqual([0, []]);
  } finally {
    process.off('warning', warned);
    await runtime.close();
  }
});
