/** The plan of a chaos run: the same for the same seed, and with every pair of fault and step in it often enough. */
import { describe, expect, it } from 'vitest';
import { FAULTS, IMPOSSIBLE_PAIRS, type Pair, pairKey, POSSIBLE_PAIRS } from '../../chaos/faults.js';
import { makeUpScenes } from '../../chaos/make-up-scenes.js';
import { kindOf, MAX_RUNS_AT_ONCE, planScenes } from '../../chaos/plan-scenes.js';
import type { Scene } from '../../chaos/scene.js';
import { MIN_STRIKES, tooSeldom, toTable } from '../../chaos/table.js';

const aimsOf = (scenes: readonly Scene[]): readonly Pair[] =>
  scenes.flatMap(({ runs }) => runs.flatMap(({ aims }) => aims));

function count(pairs: readonly Pair[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const pair of pairs) counts.set(pairKey(pair), (counts.get(pairKey(pair)) ?? 0) + 1);
  return counts;
}

describe('a plan', () => {
  it('is the same for the same seed, and another one for another', () => {
    const plan = (seed: number): string => JSON.stringify(planScenes({ runs: 60, seed }));
    expect(plan(7)).toBe(plan(7));
    expect(plan(7).replaceAll('s7-', '')).not.toBe(plan(8).replaceAll('s8-', ''));
  });

  it.each([1, 2, 3, 4, 5])('of 500 runs has every possible pair often enough (seed %i)', (seed) => {
    const scenes = planScenes({ runs: 500, seed });
    expect(scenes.reduce((sum, { runs }) => sum + runs.length, 0)).toBe(500);
    expect(tooSeldom(count(aimsOf(scenes)))).toEqual([]);
  });

  it('has no pair that cannot happen', () => {
    const possible = new Set(POSSIBLE_PAIRS.map(pairKey));
    const aims = aimsOf(planScenes({ runs: 200, seed: 1 }));
    expect(aims.filter((pair) => !possible.has(pairKey(pair)))).toEqual([]);
  });

  it('says of every pair it leaves out why', () => {
    for (const { reason, faults, steps } of IMPOSSIBLE_PAIRS) {
      expect(reason).not.toBe('');
      expect(faults.length * steps.length).toBeGreaterThan(0);
    }
  });
});

describe('what is added for pairs that struck too seldom', () => {
  const add = (seed: number, firstIndex: number): readonly Scene[] =>
    makeUpScenes(POSSIBLE_PAIRS, { seed, firstIndex });

  it('is one run for each of them, in a scene of its kind', () => {
    const scenes = add(1, 100);
    expect(new Set(aimsOf(scenes).map(pairKey))).toEqual(new Set(POSSIBLE_PAIRS.map(pairKey)));
    for (const [index, { index: number, kind, runs }] of scenes.entries()) {
      expect(number).toBe(100 + index);
      expect(runs.length).toBeLessThanOrEqual(MAX_RUNS_AT_ONCE);
      for (const { aims } of runs) expect(aims.map(({ fault }) => kindOf(fault))).toEqual([kind]);
    }
  });

  it('is the same again when it is asked for alone', () => {
    for (const scene of add(3, 0)) {
      const alone = makeUpScenes(aimsOf([scene]), { seed: 3, firstIndex: scene.index });
      expect(alone).toEqual([scene]);
    }
    expect(add(3, 0)).not.toEqual(add(4, 0));
  });
});

describe('the table', () => {
  const [first = { fault: 'delay', step: 'planned' }] = POSSIBLE_PAIRS;

  it('has a line for each fault and the count of each pair', () => {
    const lines = toTable(new Map([[pairKey(first), 42]])).split('\n');
    expect(lines).toHaveLength(FAULTS.length + 1);
    expect(lines[1]).toMatch(new RegExp(`^${first.fault} +42`));
  });

  it('names what struck too seldom', () => {
    const often = new Map(POSSIBLE_PAIRS.map((pair) => [pairKey(pair), MIN_STRIKES]));
    expect(tooSeldom(often)).toEqual([]);
    expect(tooSeldom(new Map([...often, [pairKey(first), MIN_STRIKES - 1]]))).toEqual([first]);
  });
});
