/** Looks now and then how much a container has written to its own root file system. It stops nothing: it says so, once. */
import type { ContainerEngine } from '../engine/types.js';
import { NO_LONGER_WANTED, pause } from './deadline.js';
import { engineCall } from './engine-call.js';

/** Who hears of what was written. */
export interface WrittenListener {
  /** What it may write. */
  readonly maxBytes: number;
  /** At most once; then the watch is over. */
  readonly onExcess: () => void;
  readonly onMeasured: (bytes: number) => void;
  /** Nothing was learnt at the end. */
  readonly onFailure: (error: unknown) => void;
}

/** A watch under way. */
export interface WrittenWatch {
  /** Looks once more, for the job that wrote and ended between two looks, and ends the watch. Never rejects. */
  end(): Promise<void>;
}

/** Between two looks is at least this. */
const LOOK_MS = 500;
/** An engine goes through all that was written: it rests this many times what that took. */
const PAUSE_FACTOR = 5;

/** Begins to watch a container that was started, on an engine that can tell. */
export function watchWritten(
  { containers }: ContainerEngine,
  id: string,
  { maxBytes, onExcess, onMeasured, onFailure }: WrittenListener,
): WrittenWatch {
  const over = new AbortController();
  const look = async (): Promise<boolean> => {
    const bytes =
      (await engineCall('what was written', undefined, async (signal) =>
        Promise.resolve(containers.writtenBytes?.(id, { signal }) ?? null),
      )) ?? 0;
    onMeasured(bytes);
    if (bytes <= maxBytes) return false;
    onExcess();
    return true;
  };
  const watch = async (): Promise<void> => {
    for (let pauseMs = LOOK_MS; ;) {
      await pause(pauseMs, over.signal);
      const isLast = over.signal.aborted;
      const startedAt = performance.now();
      try {
        if (await look()) return;
      } catch (error) {
        // While the job runs, the next look tells as much.
        if (isLast) onFailure(error);
      }
      if (isLast) return;
      pauseMs = Math.max(LOOK_MS, (performance.now() - startedAt) * PAUSE_FACTOR);
    }
  };
  const watching = watch();
  return {
    async end() {
      over.abort(NO_LONGER_WANTED);
      await watching;
    },
  };
}
