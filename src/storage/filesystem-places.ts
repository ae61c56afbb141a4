/** Where a filesystem storage writes what is not visible yet, and how its folders come when it becomes so: a write that fails shows none. */
import type { FileHandle } from 'node:fs/promises';
import { makeFolders, openDeepest, removeEmptyFolders } from '../host/folders.js';
import { errorCode, type OpenNode } from '../host/node.js';

/** Permission bits of folders in the storage. */
export const FOLDER_MODE = 0o755;
/** Unfinished uploads stand in the deepest folder on the way that is there, so that publishing is one rename; they are never listed or found. */
export const UNFINISHED = '.berthkit-unfinished-';

/** A folder may be gone as soon as it was seen, where the write that made it has failed. More often in a row is no accident. */
const MAX_TRIES = 20;

/** True for the name of an unfinished upload. */
export const isUnfinished = (name: string): boolean => name.startsWith(UNFINISHED);

/** Uses a folder and closes it. */
export async function closing<T>(node: OpenNode, work: (node: OpenNode) => Promise<T>): Promise<T> {
  try {
    return await work(node);
  } finally {
    await node.handle.close();
  }
}

/** What is done in the deepest folder that is there of those an object is to be in. */
export type StagingWork<T> = (
  staging: OpenNode,
  depth: number,
  take: (body: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>,
) => Promise<T>;

/**
 * Gives the deepest folder that is there, and how many of the names lead to it. The work is repeated when that folder is gone by then,
 * but not once it has begun to read a body that it was given by `take`.
 */
export async function inDeepest<T>(
  top: FileHandle,
  names: readonly string[],
  work: StagingWork<T>,
): Promise<T> {
  let isBodyBegun = false;
  const take = (body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> => ({
    [Symbol.asyncIterator]() {
      isBodyBegun = true;
      return body[Symbol.asyncIterator]();
    },
  });
  return unlessVanished(
    async () => {
      const { folder, depth } = await openDeepest(top, names);
      return closing(folder, async () => work(folder, depth, take));
    },
    () => !isBodyBegun,
  );
}

/**
 * Makes the folders that are missing and does what makes something visible in the last one, again when that is gone by then. Folders made
 * for what then fails are removed, unless somebody else has put something there.
 */
export async function inNewFolders<T>(
  staging: FileHandle,
  names: readonly string[],
  work: (folder: OpenNode) => Promise<T>,
): Promise<T> {
  return unlessVanished(async () => {
    const made: number[] = [];
    const onMade = (depth: number): void => void made.push(depth);
    try {
      return await closing(await makeFolders(staging, names, { mode: FOLDER_MODE, onMade }), work);
    } catch (error) {
      await removeEmptyFolders(staging, names, made);
      throw error;
    }
  });
}

async function unlessVanished<T>(work: () => Promise<T>, mayRepeat = (): boolean => true): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' || !mayRepeat() || tries === MAX_TRIES) throw error;
    }
  }
}
