/** Reads now and then what a running container uses, because engines forget it when the container ends. It limits and judges nothing. */
import type { ContainerEngine, ContainerStats } from '../engine/types.js';
import type { Usage } from '../result.js';
import { NO_LONGER_WANTED } from './deadline.js';
import { engineCall } from './engine-call.js';

/** A watch under way. */
export interface UsageWatch {
  /** Reads once more, now: the container is about to be stopped. Does not wait for the answer. */
  look(): void;
  /** Ends the watch and gives the most that was seen; null when nothing was. */
  end(): Usage | null;
}

/** A job that ends before this costs its engine no reading at all. */
const FIRST_MS = 250;
/** The time between two readings doubles up to this, so it is also the most that the last one may be behind the end. */
const LONGEST_MS = 2_000;

/** Begins to watch a container that was started. A reading that fails is passed over: the next one tells as much. */
export function watchUsage(engine: ContainerEngine, id: string): UsageWatch {
  const { containers, capabilities } = engine;
  let seen: Usage | null = null;
  let reading: AbortController | null = null;
  let isOver = false;

  const look = (): void => {
    if (reading !== null || isOver || !capabilities.stats) return;
    reading = new AbortController();
    engineCall('stats', reading.signal, async (signal) => containers.stats?.(id, { signal }) ?? null)
      .then((stats) => {
        if (stats !== null) seen = higher(seen, stats);
      })
      .catch(() => undefined)
      .finally(() => {
        reading = null;
      });
  };
  const next = (afterMs: number): NodeJS.Timeout =>
    setTimeout(() => {
      look();
      timer = next(Math.min(afterMs * 2, LONGEST_MS));
    }, afterMs);
  let timer = next(FIRST_MS);

  return {
    look,
    end() {
      clearTimeout(timer);
      isOver = true;
      reading?.abort(NO_LONGER_WANTED);
      return seen;
    },
  };
}

function higher(
  seen: Usage | null,
  { cpuTimeMs, memoryBytes, peakMemoryBytes }: ContainerStats,
): Usage | null {
  const most = (...values: readonly (number | null | undefined)[]): number | null => {
    const told = values.filter((value) => value !== null && value !== undefined);
    return told.length === 0 ? null : Math.max(...told);
  };
  const usage = {
    peakMemoryBytes: most(seen?.peakMemoryBytes, peakMemoryBytes, memoryBytes),
    cpuTimeMs: most(seen?.cpuTimeMs, cpuTimeMs),
  };
  return usage.peakMemoryBytes === null && usage.cpuTimeMs === null ? null : usage;
}
