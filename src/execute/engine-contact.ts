/** Whether an engine answers while a container runs: what of the calls made to it is told, and for how long it has been away. It makes none. */
import { JobRuntimeError } from '../errors.js';
import type { SightingFact } from './sighting.js';

/** Whether the engine answers. */
export interface EngineContact {
  /** The connection was lost at least once; an engine that answers with an error is still there. */
  readonly wasLost: boolean;
  /** Milliseconds without a proper answer; 0 while there are some. */
  readonly awayMs: number;
  /** A call rejected. */
  fail(error: unknown): void;
  /** A call was answered. */
  succeed(): void;
}

/** Contact with an engine that has just answered. `onSighting` hears when it is lost and when it is back. */
export function createEngineContact(onSighting: (fact: SightingFact) => void): EngineContact {
  let wasLost = false;
  let isLost = false;
  let awaySince: number | null = null;
  return {
    get wasLost() {
      return wasLost;
    },
    get awayMs() {
      return awaySince === null ? 0 : performance.now() - awaySince;
    },
    fail(error) {
      awaySince ??= performance.now();
      const isUnreachable = JobRuntimeError.isInstance(error) && error.code === 'engine.unreachable';
      if (!isUnreachable || isLost) return;
      isLost = true;
      wasLost = true;
      onSighting({ kind: 'engine_lost' });
    },
    succeed() {
      awaySince = null;
      if (isLost) onSighting({ kind: 'engine_back' });
      isLost = false;
    },
  };
}
