/** What one attempt leaves behind on purpose, as far as it is decided. It keeps nothing itself. */
import type { Retention } from './config/runtime-config.js';

interface KeptContainer {
  readonly id: string;
  readonly name: string;
  readonly remove: (signal: AbortSignal) => Promise<void>;
}

/** The decision of one attempt, and the container that stays by it. */
export interface Keeping {
  readonly retention: Retention;
  /** Null until the end is known; then nothing is kept. */
  succeeded: boolean | null;
  container: KeptContainer | null;
  /** False: what there is of it goes with the run in any case. */
  canKeep: boolean;
}

/** Nothing decided yet. */
export function createKeeping(retention: Retention): Keeping {
  return { retention, succeeded: null, container: null, canKeep: true };
}
