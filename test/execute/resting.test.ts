/** Runs that rest between two attempts are counted and bounded. */
import { expect, it } from 'vitest';
import { createResting } from '../../src/execute/resting.js';

it('there is room for so many runs that rest, and for another one when one leaves, however often it says so', () => {
  const resting = createResting(2);
  const first = resting.enter();
  const second = resting.enter();
  expect([resting.count, resting.enter(), second === null]).toEqual([2, null, false]);
  first?.();
  first?.();
  expect(resting.count).toBe(1);
  expect(resting.enter()).not.toBeNull();
  expect([resting.count, resting.enter()]).toEqual([2, null]);
});
