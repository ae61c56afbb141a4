import { describe, expect, it } from 'vitest';
import { compare, median } from '../../bench/measure.js';

/** A side that gives these samples, one after the other, and notes its turns. */
function side(name: string, turns: string[], samples: readonly number[]): () => Promise<number> {
  const left = [...samples];
  return () => {
    turns.push(name);
    return Promise.resolve(left.shift()!);
  };
}

const contest = { name: 'c', rounds: 3, warmUps: 0, wanted: 'at_most', bar: 1.1 } as const;

describe('compare', () => {
  it('compares the medians of both sides', async () => {
    const value = side('v', [], [30, 11, 10]);
    const baseline = side('b', [], [10, 9, 900]);
    expect(await compare({ ...contest, value, baseline })).toEqual({
      name: 'c',
      value: 11,
      baseline: 10,
      ratio: 1.1,
      bar: 1.1,
      holds: true,
    });
  });

  it.each([
    ['at_most', 11, false],
    ['at_most', 9, true],
    ['at_least', 11, true],
    ['at_least', 9, false],
  ] as const)('wants %s the bar: %d by 10 holds: %s', async (wanted, sample, holds) => {
    const value = side('v', [], [sample]);
    const baseline = side('b', [], [10]);
    expect(await compare({ ...contest, rounds: 1, bar: 1, wanted, value, baseline })).toMatchObject({
      holds,
    });
  });

  it('lets both sides take turns, each first every other time', async () => {
    const turns: string[] = [];
    const samples = [1, 1, 1];
    await compare({ ...contest, value: side('v', turns, samples), baseline: side('b', turns, samples) });
    expect(turns.join('')).toBe('vbbvvb');
  });

  it('throws warm-ups away', async () => {
    const value = side('v', [], [1000, 1, 1, 1]);
    const baseline = side('b', [], [1, 1, 1, 1]);
    expect(await compare({ ...contest, warmUps: 1, value, baseline })).toMatchObject({ value: 1 });
  });
});

describe('median', () => {
  it('is the middle, or the mean of the two in the middle', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(() => median([])).toThrow('nothing');
  });
});
