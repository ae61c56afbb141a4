/** What a workspace that only an engine sees holds, by the tar it gives of it. It keeps nothing of what it reads. */
import type { TreeUsage } from '../host/tree-usage.js';
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
 * @throws as {@link readTar}.
 */
export async function measureTar(
  tar: AsyncIterable<Uint8Array>,
  { maxBytes, maxEntries, signal }: TarBounds,
): Promise<TreeUsage> {
  const usage = { bytes: 0, entries: -1 };
  await readTar(tar, signal, async ({ header }) => {
    usage.entries += 1;
    if (header.type === 'file') usage.bytes += header.size;
    const isTooMuch =
      (maxBytes !== null && usage.bytes > maxBytes) || (maxEntries !== null && usage.entries > maxEntries);
    return Promise.resolve(isTooMuch ? 'enough' : 'more');
  });
  return { ...usage, entries: Math.max(0, usage.entries) };
}
