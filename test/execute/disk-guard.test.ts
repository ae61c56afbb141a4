import { describe, expect, it } from 'vitest';
import { createDiskGuard } from '../../src/execute/disk-guard.js';

const MIB = 1024 ** 2;

describe('a disk guard', () => {
  it('chooses the run that holds most, alone until it is gone, and then the next', () => {
    const guard = createDiskGuard();
    for (const [run, size] of Object.entries({ a: 2, b: 9, c: 5 })) guard.use(run, size * MIB, 1);
    const chosen = (): readonly string[] => ['a', 'b', 'c'].filter((run) => guard.isChosen(run, 1));
    expect(chosen()).toEqual(['b']);
    guard.use('c', 100 * MIB, 1);
    expect(chosen()).toEqual(['b']);
    guard.leave('b');
    expect(chosen()).toEqual(['c']);
    guard.leave('c');
    expect(chosen()).toEqual(['a']);
  });

  it('leaves alone who holds next to nothing, who is not known, and the others of one that has left unchosen', () => {
    const guard = createDiskGuard();
    guard.use('a', MIB - 1, 1);
    expect([guard.isChosen('a', 1), guard.isChosen('stranger', 1)]).toEqual([false, false]);
    guard.use('b', 3 * MIB, 1);
    guard.use('c', 2 * MIB, 1);
    guard.leave('b');
    expect([guard.isChosen('a', 1), guard.isChosen('c', 1)]).toEqual([false, true]);
  });

  it('waits until each of the others was measured since the disk ran low, for a while', () => {
    const guard = createDiskGuard();
    guard.use('idle', 2 * MIB, 1);
    guard.use('writing', 0, 1);
    expect(guard.isChosen('idle', 100)).toBe(false);
    guard.use('writing', 5 * MIB, 101);
    expect(guard.isChosen('idle', 102)).toBe(false);
    // Of the other one is known what it holds, but not since then.
    expect(guard.isChosen('writing', 103)).toBe(false);
    guard.use('idle', 2 * MIB, 104);
    expect(guard.isChosen('writing', 105)).toBe(true);
  });

  it('does without what takes too long to measure, and begins anew after there was enough', () => {
    const guard = createDiskGuard();
    guard.use('a', 2 * MIB, 1);
    guard.use('large', MIB, 1);
    expect([100, 4_000, 5_100].map((at) => guard.isChosen('a', at))).toEqual([false, false, false]);
    expect(guard.isChosen('a', 20_000)).toBe(false);
    expect(guard.isChosen('a', 24_000)).toBe(false);
    expect(guard.isChosen('a', 25_001)).toBe(true);
  });

  it('goes by when the others were measured, not by when the run that asks was', () => {
    const guard = createDiskGuard();
    guard.use('asks', 2 * MIB, 1);
    expect(guard.isChosen('asks', 100)).toBe(true);
  });

  it('may choose a run that holds a mebibyte, and stays with it when another leaves', () => {
    const guard = createDiskGuard();
    guard.use('small', MIB, 1);
    guard.use('other', 0, 1);
    expect(guard.isChosen('small', 1)).toBe(true);
    guard.leave('other');
    guard.use('large', 9 * MIB, 2);
    expect([guard.isChosen('large', 2), guard.isChosen('small', 2)]).toEqual([false, true]);
  });
});
