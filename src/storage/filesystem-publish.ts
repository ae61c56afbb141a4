/** Writes one file of a filesystem storage so that it is visible only when complete. It remembers nothing. */
import { nodeCrypto } from '../base/node-crypto.js';
import { constants } from 'node:fs';
import { link, mkdir, open, realpath, rename, unlink } from 'node:fs/promises';
import { StorageError } from '../errors.js';
import { createFile, type Digest } from '../host/file-content.js';
import { makeFolders } from '../host/folders.js';
import { childPath, errorCode, handlePath, openBeneath, openDirectory, type OpenNode } from '../host/node.js';
import { requireAnnounced, stopBeyond } from './body-check.js';
import { alreadyExists } from './storage-path.js';
import type { WriteOptions } from './types.js';

/** Permission bits of folders and files in the storage. */
export const FOLDER_MODE = 0o755;
export const FILE_MODE = 0o644;
/** Unfinished uploads stand beside their place, so that publishing is one rename; they are never listed or found. */
export const UNFINISHED = '.berthkit-unfinished-';

/** True for the name of an unfinished upload. */
export const isUnfinished = (name: string): boolean => name.startsWith(UNFINISHED);

/**
 * Writes a file beside its place and moves it there when it is complete and on the disk.
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
  await mkdir(rootPath, { recursive: true, mode: FOLDER_MODE });
  const top = await openDirectory(await realpath(rootPath));
  try {
    const folder = await makeFolders(top.handle, names.slice(0, -1), { mode: FOLDER_MODE });
    try {
      return await publishIn(folder, name, path, body, options);
    } finally {
      await folder.handle.close();
    }
  } finally {
    await top.handle.close();
  }
}

async function publishIn(
  folder: OpenNode,
  name: string,
  path: string,
  body: AsyncIterable<Uint8Array>,
  options: WriteOptions,
): Promise<Digest> {
  const existing = await openBeneath(folder.handle, [name]);
  await existing.node?.handle.close();
  // Before the body is read; decided again by link(2) below.
  if (existing.node?.facts.type === 'directory') {
    throw new StorageError('storage.failed', `${JSON.stringify(path)} is a folder`);
  }
  if (!options.overwrite && existing.node !== null) throw alreadyExists(path);
  const unfinished = `${UNFINISHED}${nodeCrypto().randomUUID()}`;
  const { signal } = options;
  const onBytes = stopBeyond(path, options.sizeBytes);
  const digest = await createFile(folder.handle, unfinished, body, {
    mode: FILE_MODE,
    signal,
    onBytes,
    sync: true,
  });
  const from = childPath(folder.handle, unfinished);
  const to = childPath(folder.handle, name);
  let renamed = false;
  try {
    requireAnnounced(path, digest, options);
    signal.throwIfAborted();
    if (options.overwrite) {
      await rename(from, to);
      renamed = true;
    } else {
      // link(2) never replaces: of two writers one gets EEXIST.
      await link(from, to);
    }
  } catch (error) {
    throw errorCode(error) === 'EEXIST' ? alreadyExists(path) : error;
  } finally {
    if (!renamed) await unlink(from).catch(() => undefined);
  }
  await syncFolder(folder);
  return digest;
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
