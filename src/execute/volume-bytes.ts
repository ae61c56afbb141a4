/** Asks an engine what its volumes hold: one call. Whether and how often that may be done is for others. */
import type { ContainerEngine } from '../engine/types.js';
import { engineCall } from './engine-call.js';

/** What each volume holds; null: the engine cannot tell. */
export type VolumeBytes = ReadonlyMap<string, number | null>;

/** An answer that takes longer may well never come: a job can keep the engine from it. */
export const LONGEST_LOOK_MS = 30_000;

/**
 * The bytes of every volume; null for a kind of engine that does not tell.
 *
 * @throws what the call throws; `engine.unreachable` after {@link LONGEST_LOOK_MS}; the signal's reason.
 */
export async function volumeBytes(
  { volumes }: ContainerEngine,
  signal: AbortSignal,
): Promise<VolumeBytes | null> {
  if (volumes?.usedBytes === undefined) return null;
  const found = await engineCall(
    'what volumes hold',
    signal,
    async (call) => volumes.usedBytes?.({ signal: call }),
    LONGEST_LOOK_MS,
  );
  return found ?? null;
}
