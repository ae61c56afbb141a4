/** The time of one boot: the same for all its processes, whatever the clock says, and for no other boot. */
import { execFileSync } from 'node:child_process';
import { expect, it, vi } from 'vitest';
import { type BootTime, bootTime, msSince } from '../../src/host/boot-clock.js';

const now = (): BootTime => {
  const time = bootTime();
  if (time === null) throw new Error('this platform tells no time of its boot');
  return time;
};

it('is between two of this process what another process reads in between', () => {
  const before = now();
  const script = 'process.stdout.write(String(process.hrtime.bigint() / 1000000n))';
  const between = Number(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }));
  const after = now();
  expect(before.boot).toBe(after.boot);
  expect([before.ms, between, after.ms]).toEqual([before.ms, between, after.ms].sort((a, b) => a - b));
});

it('goes on as it did when the clock is set', () => {
  const before = now();
  vi.useFakeTimers({ toFake: ['Date'] });
  try {
    vi.setSystemTime(Date.now() + 86_400_000);
    expect(msSince(before, now())).toBeLessThan(3_600_000);
  } finally {
    vi.useRealTimers();
  }
});

it('tells nothing of another boot, nor without one', () => {
  const time = now();
  expect(msSince({ boot: time.boot, ms: time.ms - 5 }, time)).toBe(5);
  expect(msSince({ boot: 'another', ms: time.ms - 5 }, time)).toBeNull();
  expect([msSince(null, time), msSince(time, null)]).toEqual([null, null]);
});
