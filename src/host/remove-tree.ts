/** Removes a tree of any depth and hostility with two open folders at a time, never following a link. It never stops half-way at an error. */
import type { Dirent } from 'node:fs';
import { chmod, type FileHandle, opendir, rename, rmdir, unlink } from 'node:fs/promises';
import { childPath, errorCode, handlePath, type NodeName, openAt, openChild, type OpenNode } from './node.js';

/** How a tree is removed. */
export interface RemoveOptions {
  /** Only this node is removed: another one under the same name is left alone. */
  readonly identity?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Removal {
  readonly top: FileHandle;
  readonly signal: AbortSignal | undefined;
  /** Names in `top` of folders that were deeper down. */
  readonly lifted: string[];
  liftedCount: number;
  /** Names in `top` that could not be removed. */
  readonly stuck: Set<string>;
  failure: unknown;
}

/** unlink(2) of a folder: Linux, and what POSIX has. */
const UNLINKS_NO_FOLDER = ['EISDIR', 'EPERM'];

const BATCH = 64;
const ROUNDS = 20;

/** Removes what a name in an open folder stands for, as {@link removeTreeAt} does. */
export async function removeTree(
  directory: FileHandle,
  name: string,
  options: RemoveOptions = {},
): Promise<void> {
  await removeTreeAt(childPath(directory, name), options);
}

/**
 * Removes what a path stands for; nothing there is success. Folders without permissions are given some first. What can
 * be removed is removed, then the first failure is thrown as the system's error.
 */
export async function removeTreeAt(path: string | Buffer, options: RemoveOptions = {}): Promise<void> {
  const top = await openOrNull(path);
  if (top === null) return;
  try {
    if (options.identity !== undefined && top.facts.identity !== options.identity) return;
    if (top.facts.type !== 'directory') {
      await unlink(path);
      return;
    }
    for (let round = 1; ; round += 1) {
      await removeContent(top, options.signal);
      try {
        await rmdir(path);
        return;
      } catch (error) {
        // A write that was abandoned, but was under way, may still have put a file there.
        if (errorCode(error) !== 'ENOTEMPTY' || round === ROUNDS) throw error;
      }
    }
  } finally {
    await top.handle.close();
  }
}

async function removeContent(top: OpenNode, signal: AbortSignal | undefined): Promise<void> {
  await makeWritable(top);
  const removal: Removal = {
    top: top.handle,
    signal,
    lifted: [],
    liftedCount: 0,
    stuck: new Set(),
    failure: null,
  };
  // The folder changes while it is read, so it is read again until it shows little; what it did not show keeps it from being removed.
  for (let seen = BATCH; seen >= BATCH;) {
    seen = 0;
    for await (const entries of batches(top.handle)) {
      const fresh = entries.filter(({ name }) => !removal.stuck.has(name));
      seen += fresh.length;
      await removeEntries(removal, top.handle, fresh);
      for (let next = removal.lifted.pop(); next !== undefined; next = removal.lifted.pop()) {
        await removeFolder(removal, next);
      }
    }
  }
  if (removal.failure !== null) throw asError(removal.failure);
}

/** Unlinks files; folders are lifted to the top. So any depth needs two open folders and no recursion. */
async function removeEntries(
  removal: Removal,
  directory: FileHandle,
  entries: readonly Dirent[],
): Promise<void> {
  removal.signal?.throwIfAborted();
  const atTop = directory === removal.top;
  await Promise.all(
    entries.map(async (entry) => {
      const { name } = entry;
      try {
        // What is no folder any more is found out when it is opened.
        if (!entry.isDirectory() && (await unlinks(directory, name))) return;
        if (atTop) removal.lifted.push(name);
        else await lift(removal, directory, name);
      } catch (failure) {
        removal.failure ??= failure;
        if (atTop) removal.stuck.add(name);
      }
    }),
  );
}

/** Whether the name is gone now: not if it stands for a folder, which not every file system says when it lists it. */
async function unlinks(directory: FileHandle, name: string): Promise<boolean> {
  try {
    await unlink(childPath(directory, Buffer.from(name, 'latin1')));
    return true;
  } catch (error) {
    const code = errorCode(error) ?? '';
    if (code === 'ENOENT') return true;
    if (UNLINKS_NO_FOLDER.includes(code)) return false;
    throw error;
  }
}

async function lift(removal: Removal, directory: FileHandle, name: string): Promise<void> {
  const bytes = Buffer.from(name, 'latin1');
  let isWritable = false;
  for (;;) {
    const target = `.removing-${String(removal.liftedCount)}`;
    removal.liftedCount += 1;
    try {
      await rename(childPath(directory, bytes), childPath(removal.top, target));
      removal.lifted.push(target);
      return;
    } catch (error) {
      const code = errorCode(error) ?? '';
      if (code === 'EACCES' && !isWritable) {
        await makeChildWritable(directory, bytes);
        isWritable = true;
        continue;
      }
      // The job may have made a name like ours; the next number will do.
      if (!['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(code)) throw error;
    }
  }
}

/** Moving a folder to another parent writes its `..` entry, which takes write permission on the folder itself. */
async function makeChildWritable(directory: FileHandle, name: NodeName): Promise<void> {
  const child = await openChild(directory, name);
  try {
    await makeWritable(child);
  } finally {
    await child.handle.close();
  }
}

async function removeFolder(removal: Removal, name: string): Promise<void> {
  const bytes = Buffer.from(name, 'latin1');
  try {
    const path = childPath(removal.top, bytes);
    if (await isRemovedAtOnce(path)) return;
    const folder = await openOrNull(path);
    if (folder === null) return;
    try {
      if (folder.facts.type !== 'directory') {
        await unlink(path);
        return;
      }
      await makeWritable(folder);
      for await (const entries of batches(folder.handle))
        await removeEntries(removal, folder.handle, entries);
    } finally {
      await folder.handle.close();
    }
    await rmdir(path);
  } catch (error) {
    removal.signal?.throwIfAborted();
    // ENOTEMPTY only repeats a failure within. A folder read while it changed is met again in the next round.
    if (errorCode(error) === 'ENOTEMPTY' && removal.failure === null) return;
    removal.failure ??= error;
    removal.stuck.add(name);
  }
}

/** Many folders are empty, and one of them need not be opened. What else keeps a folder from being removed is found out by opening it. */
async function isRemovedAtOnce(path: string | Buffer): Promise<boolean> {
  try {
    await rmdir(path);
    return true;
  } catch {
    return false;
  }
}

async function makeWritable(folder: OpenNode): Promise<void> {
  if ((folder.facts.mode & 0o700) === 0o700) return;
  try {
    await chmod(handlePath(folder.handle), 0o700);
  } catch (error) {
    // Root needs no permission bits; anybody else will fail where they are needed.
    if (errorCode(error) !== 'EPERM') throw error;
  }
}

async function* batches(directory: FileHandle): AsyncGenerator<Dirent[], void, undefined> {
  let batch: Dirent[] = [];
  for await (const entry of await opendir(handlePath(directory), {
    encoding: 'latin1',
    bufferSize: BATCH * 4,
  })) {
    if (batch.push(entry) === BATCH) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

async function openOrNull(path: string | Buffer): Promise<OpenNode | null> {
  try {
    return await openAt(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

const asError = (value: unknown): Error => (value instanceof Error ? value : new Error(String(value)));
