/** What counts as growth, on samples made up for it. */
import { describe, expect, it } from 'vitest';
import { movements, SLACK } from '../../endurance/growth.js';
import type { Sample } from '../../endurance/sample.js';

const MIB = 1024 ** 2;
const STEADY: Sample = {
  runs: 0,
  residentBytes: 100 * MIB,
  heapBytes: 20 * MIB,
  descriptors: 30,
  timers: 4,
  listeners: 0,
  containers: 0,
  volumes: 0,
  folders: 0,
  openRuns: 0,
};

const twelve = (at: (index: number) => Partial<Sample>): readonly Sample[] =>
  Array.from({ length: 12 }, (_, index) => ({ ...STEADY, runs: index * 100, ...at(index) }));

const grown = (samples: readonly Sample[]): readonly string[] =>
  movements(samples).flatMap(({ quantity, isBounded }) => (isBounded ? [] : [quantity]));

describe('growth', () => {
  it('is none where everything stays, or moves up and down', () => {
    expect(grown(twelve(() => ({})))).toEqual([]);
    expect(grown(twelve((index) => ({ heapBytes: (20 + (index % 2) * 8) * MIB })))).toEqual([]);
  });

  it('is none where something is large once', () => {
    expect(grown(twelve((index) => (index === 11 ? { residentBytes: 900 * MIB } : {})))).toEqual([]);
  });

  it('is what is more at the end by more than its slack', () => {
    for (const quantity of ['residentBytes', 'heapBytes', 'descriptors', 'timers'] as const) {
      const rising = twelve((index) => ({ [quantity]: STEADY[quantity] + (index * SLACK[quantity]) / 4 }));
      expect(grown(rising)).toEqual([quantity]);
    }
  });

  it.each(['listeners', 'containers', 'volumes', 'folders', 'openRuns'] as const)(
    'is a single one of %s, even if it goes again',
    (quantity) => {
      expect(grown(twelve((index) => (index === 1 ? { [quantity]: 1 } : {})))).toEqual([quantity]);
    },
  );

  it('cannot be told from two samples', () => {
    expect(() => movements([STEADY, STEADY])).toThrow('2 samples');
  });
});
