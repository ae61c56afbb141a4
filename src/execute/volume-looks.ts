/** Looks at what the volumes of engines hold, one look at a time for all who wait for one. It judges nothing. */
import type { ContainerEngine } from '../engine/types.js';
import { abortable } from '../host/chunks.js';
import { pause } from './deadline.js';
import { LONGEST_LOOK_MS, type VolumeBytes, volumeBytes } from './volume-bytes.js';

/** What the runs of a runtime share. */
export interface VolumeLooks {
  /**
   * What the next look finds, which may be under way already. It is given up when nobody waits for it any more.
   *
   * @throws what the look failed with; the signal's reason.
   */
  next(engine: ContainerEngine, signal: AbortSignal): Promise<VolumeBytes>;
  /** What a look failed with that did not end in time, as long as there is none for that; else null. */
  problemOf(engine: ContainerEngine): unknown;
}

/** Before each look is at least this. */
const LOOK_MS = 500;
/** An engine goes through all that is in volumes: it rests this many times what that took. */
const PAUSE_FACTOR = 10;

/** A look that is to come, or under way. */
interface Round {
  readonly found: Promise<VolumeBytes>;
  readonly over: AbortController;
  waiting: number;
}

/** What is known of one engine. */
interface Looked {
  round: Round | null;
  dueAt: number;
  problem: unknown;
}

/** Looks at engines none of which was looked at yet. */
export function createVolumeLooks(): VolumeLooks {
  const engines = new WeakMap<ContainerEngine, Looked>();
  const looked = (engine: ContainerEngine): Looked => {
    const there = engines.get(engine) ?? { round: null, dueAt: -Infinity, problem: null };
    engines.set(engine, there);
    return there;
  };
  return {
    async next(engine, signal) {
      signal.throwIfAborted();
      const state = looked(engine);
      const round = (state.round ??= begin(engine, state));
      round.waiting += 1;
      try {
        return await abortable(round.found, signal);
      } finally {
        round.waiting -= 1;
        if (round.waiting === 0) {
          round.over.abort();
          if (state.round === round) state.round = null;
        }
      }
    },
    problemOf(engine) {
      const { dueAt, problem } = looked(engine);
      return dueAt > performance.now() ? problem : null;
    },
  };
}

function begin(engine: ContainerEngine, state: Looked): Round {
  const over = new AbortController();
  const round = { found: look(engine, state, over.signal), over, waiting: 0 };
  const settled = (): void => {
    if (state.round === round) state.round = null;
  };
  round.found.then(settled, settled);
  return round;
}

async function look(engine: ContainerEngine, state: Looked, signal: AbortSignal): Promise<VolumeBytes> {
  await pause(Math.max(LOOK_MS, state.dueAt - performance.now()), signal);
  const startedAt = performance.now();
  try {
    const found = await volumeBytes(engine, signal);
    state.problem = null;
    return found ?? new Map<string, number | null>();
  } catch (error) {
    // It may never end, and each such look may cost the engine a thread for good: the rest after it is as long as the factor says.
    state.problem = performance.now() - startedAt >= LONGEST_LOOK_MS ? error : null;
    throw error;
  } finally {
    const endedAt = performance.now();
    state.dueAt = Math.max(state.dueAt, endedAt + (endedAt - startedAt) * PAUSE_FACTOR);
  }
}
