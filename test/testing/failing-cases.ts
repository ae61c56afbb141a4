/** Which cases of a suite fail. */
import type { ConformanceCase } from '../../src/testing/index.js';

export const failingCases = async (cases: readonly ConformanceCase[]): Promise<readonly string[]> => {
  const outcomes = await Promise.allSettled(cases.map(({ run }) => run()));
  return cases.filter((_, index) => outcomes[index]?.status === 'rejected').map(({ name }) => name);
};
