/** Endurance in its short form on a real engine: containers, folders, descriptors, timers and what the store holds. */
import { expect, it } from 'vitest';
import { endure } from '../../endurance/endure.js';

it('short runs on a real engine leave nothing and let nothing grow', async () => {
  const { movements, left, samples } = await endure('real', 24);
  expect(movements.filter(({ isBounded }) => !isBounded)).toEqual([]);
  expect(left).toEqual([]);
  expect(samples.at(-1)?.runs).toBe(24);
});
