/** Asks an engine whether it tells what a volume holds, as it is asked while jobs run. It concludes nothing. */
import type { ContainerEngine } from '../engine/types.js';
import { pause } from '../execute/deadline.js';
import { engineCall } from '../execute/engine-call.js';

/** An engine may be busy with a look for a run. */
const TRIES = 3;
const REST_MS = 500;
/** A job can keep a look from ever ending. */
const LONGEST_MS = 30_000;

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

async function ask(
  { volumes }: ContainerEngine,
  volume: string,
  signal: AbortSignal,
): Promise<string | null> {
  if (volumes?.usedBytes === undefined) return 'this kind of engine cannot';
  const found = await engineCall(
    'what volumes hold',
    signal,
    async (call) => volumes.usedBytes?.({ signal: call }),
    LONGEST_MS,
  );
  return typeof found?.get(volume) === 'number' ? null : 'it has no number for one that was just made';
}
