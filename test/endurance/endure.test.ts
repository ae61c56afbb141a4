/** Endurance in its short form: hundreds of runs on the fake engine leave a process as it was, and leaks would be seen. */
import { describe, expect, it } from 'vitest';
import { endure } from '../../endurance/endure.js';
import { LEAKS } from '../../endurance/leaks.js';

describe('many short runs', () => {
  it('leave nothing and let nothing grow', async () => {
    const { movements, left, samples } = await endure('fake', 300);
    expect(movements.filter(({ isBounded }) => !isBounded)).toEqual([]);
    expect(left).toEqual([]);
    expect(samples.at(-1)?.runs).toBe(300);
  });

  it('would show what leaks with each of them: memory, descriptors, timers, listeners', async () => {
    const { movements, left, holds } = await endure('fake', 130, Object.keys(LEAKS));
    expect(holds).toBe(false);
    const grown = movements.filter(({ isBounded }) => !isBounded).map(({ quantity }) => quantity);
    for (const quantity of ['heapBytes', 'descriptors', 'timers', 'listeners'] as const)
      expect(grown).toContain(quantity);
    expect(left).toContain('a descriptor: /dev/null');
    expect(left.join()).toContain('timers');
  });
});
