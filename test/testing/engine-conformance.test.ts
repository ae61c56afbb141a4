/** The fake engine keeps the contract of the port. */
import { describe, expect, it } from 'vitest';
import { conformancePrograms, engineConformance, fakeEngine } from '../../src/testing/index.js';

const make = () => {
  const engine = fakeEngine({ ...conformancePrograms, images: { 'busybox:1': { command: ['sh'] } } });
  return Promise.resolve({
    engine,
    image: 'busybox:1',
    cleanup: () => {
      expect(engine.protocolErrors).toEqual([]);
      expect(engine.leftovers()).toEqual([]);
      return Promise.resolve();
    },
  });
};

describe('engineConformance on the fake engine', () => {
  const cases = engineConformance(make);

  it('has cases, each with a name of its own', () => {
    expect(cases.length).toBeGreaterThanOrEqual(25);
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  });

  it.each(cases)('$name', async ({ run }) => run());
});
