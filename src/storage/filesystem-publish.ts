/** Writes one file of a filesystem storage so that it is visible only when complete. It remembers nothing. */
import { nodeCrypto } from '../base/node-crypto.js';
import { constants } from 'node:fs';
import { link, mkdir, open, realpath, rename, unlink } from 'node:fs/promises';
import { StorageError } from '../errors.js';
import { createFile, type Digest } from '../host/file-content.js';
import { childPath, errorCode, handlePath, openBeneath, openDirectory, type OpenNode } from '../host/node.js';
import { requireAnnounced, stopBeyond } from './body-check.js';
import {
  closing,
  FOLDER_MODE,
  inDeepest,
  inNewFolders,
  isUnfinished,
  UNFINISHED,
} from './filesystem-places.js';
import { alreadyExists } from './storage-path.js';
import type { WriteOptions } from './types.js';

/** Permission bits of files in the storage. */
export const FILE_MODE = 0o644;

/**
 * Writes a file where nobody sees it and moves it to its place when it is complete and on the disk. What fails leaves neither a file nor a
 * folder behind, except the root.
 *
 * @throws `storage.exists`, `storage.failed`; the system's error; the signal's reason.
 */
export async function publishFile(
  rootPath: string,
  names: readonly string[],
  body: AsyncIterable<Uint8Array>,
  options: WriteOptions,
): Promise<Digest> {
  const path = names.join('/');
  const name = names.at(-1);
  if (name === undefined || names.some(isUnfinished)) {
    throw new StorageError('storage.failed', `nothing can be stored at ${JSON.stringify(path)}`);
  }
  const parents = names.slice(0, -1);
  const onBytes = stopBeyond(path, options.sizeBytes);
  return inRoot(rootPath, async (top) =>
    inDeepest(top.handle, parents, async (staging, depth, take) => {
      if (depth === parents.length) await requireWritable(staging, name, path, options);
      const unfinished = `${UNFINISHED}${nodeCrypto().randomUUID()}`;
      const { signal } = options;
      const file = { mode: FILE_MODE, signal, onBytes, sync: true };
      const digest = await createFile(staging.handle, unfinished, take(body), file);
      const from = childPath(staging.handle, unfinished);
      try {
        requireAnnounced(path, digest, options);
        signal.throwIfAborted();
        await inNewFolders(staging.handle, parents.slice(depth), async (folder) => {
          // link(2) never replaces: of two writers one gets EEXIST.
          await (options.overwrite ? rename : link)(from, childPath(folder.handle, name));
          await syncFolder(folder);
        });
      } catch (error) {
        throw errorCode(error) === 'EEXIST' ? alreadyExists(path) : error;
      } finally {
        // Renamed it is gone already.
        await unlink(from).catch(() => undefined);
      }
      return digest;
    }),
  );
}

/** Opens the root of a storage, which is made where it is missing. */
export async function inRoot<T>(rootPath: string, work: (top: OpenNode) => Promise<T>): Promise<T> {
  await mkdir(rootPath, { recursive: true, mode: FOLDER_MODE });
  return closing(await openDirectory(await realpath(rootPath)), work);
}

/** Before bytes are taken, and again before what they make is visible; link(2) decides in the end. */
export async function requireWritable(
  folder: OpenNode,
  name: string,
  path: string,
  { overwrite }: Pick<WriteOptions, 'overwrite'>,
): Promise<void> {
  const { node } = await openBeneath(folder.handle, [name]);
  await node?.handle.close();
  if (node?.facts.type === 'directory') {
    throw new StorageError('storage.failed', `${JSON.stringify(path)} is a folder`);
  }
  if (!overwrite && node !== null) throw alreadyExists(path);
}

/** Waits until the names in a folder are on the disk. */
export async function syncFolder(folder: OpenNode): Promise<void> {
  const handle = await open(handlePath(folder.handle), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
