/** Watches what volumes hold while a job runs. It stops nothing: it says so, once. */
import type { ContainerEngine } from '../engine/types.js';
import { EngineError } from '../errors.js';
import type { VolumeBytes } from './volume-bytes.js';
import type { VolumeLooks } from './volume-looks.js';

/** What is watched, and who hears of it. */
export interface VolumeListener {
  /** All of them together are bounded. */
  readonly volumes: readonly string[];
  readonly maxBytes: number;
  /** At most once; then the watch is over. */
  readonly onExcess: () => void;
  /** At the end: what keeps looks from telling. */
  readonly onFailure: (error: unknown) => void;
}

/** A watch under way. */
export interface VolumeWatch {
  /** Ends the watch without another look, and says whether there was an excess. Never rejects. */
  end(): Promise<boolean>;
}

/** A look may well come while the engine looks for somebody else; the next one tells as much. */
const MOST_MISSES = 1;

/** Begins to watch volumes of an engine that tells what they hold. */
export function watchVolumes(
  looks: VolumeLooks,
  engine: ContainerEngine,
  { volumes, maxBytes, onExcess, onFailure }: VolumeListener,
): VolumeWatch {
  const over = new AbortController();
  let missed: { readonly times: number; readonly why: unknown } = { times: 0, why: null };
  const miss = (why: unknown): void => {
    missed = { times: missed.times + 1, why };
  };
  const watch = async (): Promise<boolean> => {
    for (;;) {
      try {
        const { bytes, isAll } = heldIn(volumes, await looks.next(engine, over.signal));
        // Of what cannot be told in full, too much is too much all the same.
        if (bytes > maxBytes) {
          onExcess();
          return true;
        }
        if (isAll) missed = { times: 0, why: null };
        else miss(untold());
      } catch (error) {
        if (over.signal.aborted) return false;
        miss(error);
      }
    }
  };
  const watching = watch();
  return {
    async end() {
      over.abort();
      const isExcess = await watching;
      const why = missed.times > MOST_MISSES ? missed.why : looks.problemOf(engine);
      if (!isExcess && why !== null) onFailure(why);
      return isExcess;
    },
  };
}

function heldIn(volumes: readonly string[], found: VolumeBytes): { bytes: number; isAll: boolean } {
  const held = volumes.map((name) => found.get(name) ?? null);
  return { bytes: held.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0), isAll: !held.includes(null) };
}

const untold = (): EngineError =>
  new EngineError('engine.failed', 'the engine could not go through all of the volume');
