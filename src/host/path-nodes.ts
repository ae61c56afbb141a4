/**
 * Nodes of file systems by their paths, for systems that give no path to an open node, as only Linux does. A name is looked up anew at each use, and
 * found out only if it was exchanged: safe where nobody else changes names, which is why programs of a job never get such folders.
 */
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { WorkspaceError } from '../errors.js';

const paths = new WeakMap<FileHandle, string | Buffer>();

/** The path an open node was found at. */
export function pathOfHandle(handle: FileHandle): string | Buffer {
  const path = paths.get(handle);
  if (path !== undefined) return path;
  throw new WorkspaceError('workspace.failed', 'an open file has no path: it was opened elsewhere');
}

/** A handle with what is said of its node. */
interface FoundByPath {
  readonly handle: FileHandle;
  readonly stats: BigIntStats;
}

/**
 * Finds a node, also a link. What is neither a file nor a folder is not opened, as that may have effects: its handle is one to its folder, to be closed.
 *
 * @throws `workspace.failed` when the name was given to another node meanwhile; else the system's error, `ENOTDIR` unless it is the folder it has to be.
 */
export async function openByPath(path: string | Buffer, mustBeFolder: boolean): Promise<FoundByPath> {
  const seen = await lstat(path, { bigint: true });
  if (mustBeFolder && !seen.isDirectory()) throw notAFolder(path);
  const isOpened = seen.isFile() || seen.isDirectory();
  const handle = await (isOpened ? openSame(path, seen) : open(folderOf(path)));
  paths.set(handle, path);
  return { handle, stats: seen };
}

/** As the system says it. */
export function notAFolder(path: string | Buffer): Error {
  return Object.assign(new Error(`ENOTDIR: not a directory, '${path.toString()}'`), { code: 'ENOTDIR' });
}

/** By bytes: they need not be valid UTF-8. */
function folderOf(path: string | Buffer): Buffer {
  return Buffer.from(dirname(Buffer.from(path).toString('latin1')), 'latin1');
}

/**
 * Opens a node that was looked at, and no other.
 *
 * @throws `workspace.failed` when the name was given to another node meanwhile.
 */
export async function openSame(
  path: string | Buffer,
  seen: Pick<BigIntStats, 'dev' | 'ino'>,
): Promise<FileHandle> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat({ bigint: true });
    if (stats.dev === seen.dev && stats.ino === seen.ino) return handle;
    throw new WorkspaceError('workspace.failed', `${path.toString()} was exchanged while it was used`);
  } catch (error) {
    await handle.close();
    throw error;
  }
}
