/** Timers that only move when a test says so. */
import { afterEach, beforeEach, expect, vi } from 'vitest';

/** For each test of the file or the block it is called in: its timers are fake, and it leaves none behind. */
export function useFakeTimersInEachTest(): void {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => {
    const left = vi.getTimerCount();
    vi.useRealTimers();
    expect(left).toBe(0);
  });
}
