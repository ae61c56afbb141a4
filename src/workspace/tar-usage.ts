/** What a workspace that only an engine sees holds, by the tar it gives of it. It keeps nothing of what it reads. */
import { EngineError } from '../errors.js';
import type { TreeUsage } from '../host/tree-usage.js';
import { isBeyondReach } from './engine-reach.js';
import { readTar } from './read-tar.js';

/** Where measuring stops: beyond either, nothing more is counted; null: no bound. */
export interface TarBounds {
  readonly maxBytes: number | null;
  readonly maxEntries: number | null;
  readonly signal: AbortSignal;
}

/**
 * Counts what is beneath the tar's root, files by their length with their holes. Of a tree beyond a bound it tells what was counted by then.
 *
 * @throws as {@link readTar}; `engine.failed` for a tree within its bounds that the engine may have left out something of.
 */
export async function measureTar(
  tar: AsyncIterable<Uint8Array>,
  { maxBytes, maxEntries, signal }: TarBounds,
): Promise<TreeUsage> {
  const usage = { bytes: 0, entries: -1 };
  const seen = { tooMuch: false, beyondReach: false };
  await readTar(tar, signal, async ({ header }) => {
    usage.entries += 1;
    if (header.type === 'directory' && isBeyondReach(header.name)) seen.beyondReach = true;
    if (header.type === 'file') usage.bytes += header.size;
    seen.tooMuch =
      (maxBytes !== null && usage.bytes > maxBytes) || (maxEntries !== null && usage.entries > maxEntries);
    return Promise.resolve(seen.tooMuch ? 'enough' : 'more');
  });
  if (seen.beyondReach && !seen.tooMuch)
    throw new EngineError('engine.failed', 'paths in it are too long for the engine');
  return { ...usage, entries: Math.max(0, usage.entries) };
}
