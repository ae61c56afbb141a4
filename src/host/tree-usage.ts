/** What a tree takes of its file system, measured while others write to it, without following links and only as far as its bounds. */
import type { BigIntStats } from 'node:fs';
import { type FileHandle, lstat, opendir } from 'node:fs/promises';
import { childPath, errorCode, handlePath, openBeneath, openChild, type OpenNode } from './node.js';

/** What was measured. */
export interface TreeUsage {
  /** Allocated on disk: a sparse file counts for what it holds, a file with several names once. */
  readonly bytes: number;
  /** Files and folders beneath the root. */
  readonly entries: number;
}

/** Where measuring stops. */
export interface TreeBounds {
  /** Beyond either, nothing more is counted; null: no bound. */
  readonly maxBytes: number | null;
  readonly maxEntries: number | null;
  /** Aborted, what was counted so far is the answer. */
  readonly signal: AbortSignal;
}

/** A folder beneath the root that is to be looked into. */
interface Folder {
  readonly names: readonly Buffer[];
  /** Null: the root. */
  readonly parent: Folder | null;
}

/** Bytes of a block in `st_blocks`, whatever those of the file system are (stat(2)). */
const BLOCK_BYTES = 512n;
/** Names that are looked at together. */
const BATCH = 64;

/**
 * Measures everything beneath an open folder. What vanishes meanwhile does not count, and neither does what this user may not look into. Of a
 * tree beyond a bound it tells what was counted by then, which is beyond that bound as well.
 */
export async function measureTree(root: FileHandle, bounds: TreeBounds): Promise<TreeUsage> {
  const seen = new Set<bigint>();
  const pending: Folder[] = [];
  let bytes = 0;
  let entries = 0;
  const isOver = (): boolean =>
    bounds.signal.aborted || isMore(bytes, bounds.maxBytes) || isMore(entries, bounds.maxEntries);
  const count = (stats: BigIntStats): void => {
    if (!stats.isDirectory() && stats.nlink > 1n) {
      if (seen.has(stats.ino)) return;
      seen.add(stats.ino);
    }
    bytes += Number(stats.blocks * BLOCK_BYTES);
  };
  const lookInto = async (folder: Folder | null, handle: FileHandle): Promise<void> => {
    for await (const names of namesIn(handle)) {
      entries += names.length;
      for (const [name, stats] of await statsOf(handle, names)) {
        count(stats);
        if (stats.isDirectory()) pending.push({ names: [...(folder?.names ?? []), name], parent: folder });
      }
      if (isOver()) return;
    }
  };

  /** Kept open for its first child: down a chain of folders each is opened once. */
  let last: { readonly folder: Folder; readonly node: OpenNode } | null = null;
  try {
    if (!isOver()) await lookInto(null, root);
    for (let folder = pending.pop(); folder !== undefined && !isOver(); folder = pending.pop()) {
      const above = folder.parent === null ? root : last?.folder === folder.parent ? last.node.handle : null;
      const next: OpenNode | null = await openFolder(root, folder, above);
      await last?.node.handle.close();
      last = next === null ? null : { folder, node: next };
      if (next?.facts.type === 'directory') await lookInto(folder, next.handle);
    }
  } finally {
    await last?.node.handle.close();
  }
  return { bytes, entries };
}

/** Whether there is a folder, and nothing in it. Who would measure it otherwise finds out what else it is. */
export async function isEmptyFolder(path: string): Promise<boolean> {
  try {
    const listing = await opendir(path, { bufferSize: 1 });
    try {
      return (await listing.read()) === null;
    } finally {
      await listing.close();
    }
  } catch {
    return false;
  }
}

async function openFolder(
  root: FileHandle,
  { names }: Folder,
  above: FileHandle | null,
): Promise<OpenNode | null> {
  return inSight(async () => {
    const name = names.at(-1);
    if (above !== null && name !== undefined) return openChild(above, name);
    return (await openBeneath(root, names)).node;
  });
}

function isMore(value: number, most: number | null): boolean {
  return most !== null && value > most;
}

async function* namesIn(directory: FileHandle): AsyncGenerator<readonly Buffer[], void, undefined> {
  // latin1 keeps every byte of a name.
  const options = { encoding: 'latin1', bufferSize: BATCH } as const;
  const listing = await inSight(async () => opendir(handlePath(directory), options));
  if (listing === null) return;
  let batch: Buffer[] = [];
  for await (const { name } of listing) {
    batch.push(Buffer.from(name, 'latin1'));
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function statsOf(
  directory: FileHandle,
  names: readonly Buffer[],
): Promise<readonly (readonly [name: Buffer, stats: BigIntStats])[]> {
  const all = await Promise.all(
    names.map(async (name) => {
      const stats = await inSight(async () => lstat(childPath(directory, name), { bigint: true }));
      return stats === null ? [] : [[name, stats] as const];
    }),
  );
  return all.flat();
}

/** Null for what is gone by now, or closed to this user by the job. */
async function inSight<T>(look: () => Promise<T>): Promise<T | null> {
  try {
    return await look();
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EPERM'].includes(errorCode(error) ?? '')) return null;
    throw error;
  }
}
