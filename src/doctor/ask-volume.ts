/** Asks an engine whether it tells what a volume holds, as it is asked while jobs run. It concludes nothing. */
import type { ContainerEngine } from '../engine/types.js';
import { pause } from '../execute/deadline.js';
import { volumeBytes } from '../execute/volume-bytes.js';

/** An engine may be busy with a look for a run. */
const TRIES = 3;
const REST_MS = 500;

/** Why it does not; null: it does. Never rejects. */
export async function whyUntold(
  engine: ContainerEngine,
  volume: string,
  signal: AbortSignal,
): Promise<string | null> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask(engine, volume, signal);
    } catch (error) {
      if (tries === TRIES || signal.aborted) return error instanceof Error ? error.message : String(error);
    }
    await pause(REST_MS, signal);
  }
}

async function ask(engine: ContainerEngine, volume: string, signal: AbortSignal): Promise<string | null> {
  const found = await volumeBytes(engine, signal);
  if (found === null) return 'this kind of engine cannot';
  return typeof found.get(volume) === 'number' ? null : 'it has no number for one that was just made';
}
