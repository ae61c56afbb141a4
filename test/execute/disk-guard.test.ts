import { describe, expect, it } from 'vitest';
import { createDiskGuard } from '../../src/execute/disk-guard.js';

const MIB = 1024 ** 2;

describe('a disk guard', () => {
  it('chooses the run that holds most, alone until it is gone, and then the next', () => {
    const guard = createDiskGuard();
    for (const [run, size] of Object.entries({ a: 2, b: 9, c: 5 })) guard.use(run, size * MIB, 1);
    const chosen = (): readonly string[] => ['a', 'b', 'c'].filter((run) => guard.choiceOf(run, 1) !== null);
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
    expect([guard.choiceOf('a', 1), guard.choiceOf('stranger', 1)]).toEqual([null, null]);
    guard.use('b', 3 * MIB, 1);
    guard.use('c', 2 * MIB, 1);
    guard.leave('b');
    expect([guard.choiceOf('a', 1), guard.choiceOf('c', 1)]).toEqual([null, 'holds_most']);
  });

  it('waits until each of the others was measured since the disk ran low, for a while', () => {
    const guard = createDiskGuard();
    guard.use('idle', 2 * MIB, 1);
    guard.use('writing', 0, 1);
    expect(guard.choiceOf('idle', 100)).toBeNull();
    guard.use('writing', 5 * MIB, 101);
    expect(guard.choiceOf('idle', 102)).toBeNull();
    // Of the other one is known what it holds, but not since then.
    expect(guard.choiceOf('writing', 103)).toBeNull();
    guard.use('idle', 2 * MIB, 104);
    expect(guard.choiceOf('writing', 105)).toBe('holds_most');
  });

  it('does without what takes too long to measure, and begins anew after there was enough', () => {
    const guard = createDiskGuard();
    guard.use('a', 2 * MIB, 1);
    guard.use('large', MIB, 1);
    expect([100, 4_000, 5_100].map((at) => guard.choiceOf('a', at))).toEqual([null, null, null]);
    expect(guard.choiceOf('a', 20_000)).toBeNull();
    expect(guard.choiceOf('a', 24_000)).toBeNull();
    expect(guard.choiceOf('a', 25_001)).toBe('holds_most');
  });

  it('ends the one that came last where none is seen to hold enough, only after a while, and then waits again', () => {
    const guard = createDiskGuard();
    for (const run of ['a', 'b', 'c']) guard.use(run, 0, 1);
    guard.use('a', MIB - 1, 2);
    const choices = (...times: readonly number[]): readonly unknown[] =>
      times.flatMap((at) => ['a', 'b', 'c'].map((run) => guard.choiceOf(run, at)));
    const nobody = [null, null, null];
    expect(choices(10, 3_000, 6_000, 9_999)).toEqual([nobody, nobody, nobody, nobody].flat());
    expect(choices(10_010)).toEqual([null, null, 'came_last']);
    guard.leave('c');
    expect(choices(11_000, 16_000, 20_999)).toEqual([nobody, nobody, nobody].flat());
    expect(choices(21_000)).toEqual([null, 'came_last', null]);
    guard.leave('b');
    // A shortage that passed and came again is another one.
    expect(choices(22_000, 40_000, 45_000, 49_999)).toEqual([nobody, nobody, nobody, nobody].flat());
    // Who is seen to hold something is to blame before others.
    guard.use('a', 2 * MIB, 49_999);
    expect(choices(49_999)).toEqual(['holds_most', null, null]);
  });

  it('goes by when the others were measured, not by when the run that asks was', () => {
    const guard = createDiskGuard();
    guard.use('asks', 2 * MIB, 1);
    expect(guard.choiceOf('asks', 100)).toBe('holds_most');
  });

  it('may choose a run that holds a mebibyte, and stays with it when another leaves', () => {
    const guard = createDiskGuard();
    guard.use('small', MIB, 1);
    guard.use('other', 0, 1);
    expect(guard.choiceOf('small', 1)).toBe('holds_most');
    guard.leave('other');
    guard.use('large', 9 * MIB, 2);
    expect([guard.choiceOf('large', 2), guard.choiceOf('small', 2)]).toEqual([null, 'holds_most']);
  });
});
