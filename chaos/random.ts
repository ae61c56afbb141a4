/** Numbers that look like chance and are the same for the same seed. Not for secrets. */

/** A source of choices; each takes the next number of its series. */
export interface Random {
  /** From 0 up to, but not, `limit`. */
  below(limit: number): number;
  /** One of several; there must be one. */
  pick<T>(items: readonly T[]): T;
  /** True in so many of a hundred cases. */
  chance(percent: number): boolean;
  /** The same items in another order. */
  shuffle<T>(items: readonly T[]): readonly T[];
}

/** The series of a seed: mulberry32, by Tommy Ettinger, public domain. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    pick(items) {
      const [first] = items.slice(below(items.length));
      if (first === undefined) throw new Error('there is nothing to pick from');
      return first;
    },
    chance: (percent) => below(100) < percent,
    shuffle: (items) =>
      items
        .map((item) => ({ item, rank: next() }))
        .sort((one, other) => one.rank - other.rank)
        .map(({ item }) => item),
  };
}
