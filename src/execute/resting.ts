/** How many runs may rest between two attempts. They hold no place meanwhile, so without a bound they would be a queue without one. */
import type { Release } from './admission.js';

/** The runs that rest. */
export interface Resting {
  /** Counts one more until it is released; null when as many rest as may. */
  enter(): Release | null;
  readonly count: number;
}

/** Room for so many at a time. */
export function createResting(most: number): Resting {
  const resting = new Set<symbol>();
  return {
    get count() {
      return resting.size;
    },
    enter() {
      if (resting.size >= most) return null;
      const mark = Symbol('resting');
      resting.add(mark);
      return () => {
        resting.delete(mark);
      };
    },
  };
}
