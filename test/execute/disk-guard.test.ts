import { describe, expect, it } from 'vitest';
import { createDiskGuard } from '../../src/execute/disk-guard.js';

const MIB = 1024 ** 2;

describe('a disk guard', () => {
  it('chooses the run that holds most, alone until it is gone, and then the next', () => {
    const guard = createDiskGuard();
    for (const [run, size] of Object.entries({ a: 2, b: 9, c: 5 })) guard.use(run, size * MIB);
    const chosen = (): readonly string[] => ['a', 'b', 'c'].filter((run) => guard.isChosen(run));
    expect(chosen()).toEqual(['b']);
    guard.use('c', 100 * MIB);
    expect(chosen()).toEqual(['b']);
    guard.leave('b');
    expect(chosen()).toEqual(['c']);
    guard.leave('c');
    expect(chosen()).toEqual(['a']);
  });

  it('leaves alone who holds next to nothing, who is not known, and the others of one that has left unchosen', () => {
    const guard = createDiskGuard();
    guard.use('a', MIB - 1);
    expect([guard.isChosen('a'), guard.isChosen('stranger')]).toEqual([false, false]);
    guard.use('b', 3 * MIB);
    guard.use('c', 2 * MIB);
    guard.leave('b');
    expect([guard.isChosen('a'), guard.isChosen('c')]).toEqual([false, true]);
  });
});
