/** How long runs of chaos scenes may take to their end. */
import { RUN_STEPS } from 'berthkit';
import { expect, it } from 'vitest';
import { limitAfter } from '../../chaos/time-limits.js';

it('an attempt that has come further has less time left, and in the end that of its clean-up', () => {
  const limits = [null, ...RUN_STEPS].map((step) => limitAfter(step, false));
  expect(limits).toEqual([...limits].sort((first, second) => second - first));
  expect(limits.at(-1)).toBe(5 * 15_000 + 30_000);
});

it('whoever may be held has time for that on top', () => {
  for (const step of [null, ...RUN_STEPS]) {
    expect(limitAfter(step, true) - limitAfter(step, false)).toBe(60_000);
  }
});
