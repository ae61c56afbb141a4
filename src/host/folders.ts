/** Makes folders beneath an open folder, never through a link. It removes none. */
import { chmod, type FileHandle, mkdir } from 'node:fs/promises';
import { chownIfNeeded, type Owner } from './file-content.js';
import {
  childPath,
  errorCode,
  handlePath,
  type NodeName,
  openBeneath,
  openChild,
  type OpenNode,
} from './node.js';

/** How new folders are made; those already there are left as they are. */
export interface FolderOptions {
  /** Permission bits, whatever the umask. */
  readonly mode: number;
  readonly owner?: Owner | undefined;
}

/** A name on the way stands for something that is not a folder. */
export class NotAFolderError extends Error {
  /** As in a system error of the same meaning. */
  readonly code = 'ENOTDIR';
}

/**
 * Makes one folder. Rejects with the system's error, `EEXIST` when the name is taken. The handle is the caller's to close.
 */
export async function makeFolder(
  directory: FileHandle,
  name: NodeName,
  options: FolderOptions,
): Promise<OpenNode> {
  await mkdir(childPath(directory, name), { mode: 0o700 });
  const node = await openChild(directory, name);
  try {
    if (options.owner !== undefined) await chownIfNeeded(node.handle, options.owner, node.facts);
    // It has 0700, less what the umask takes; a new owner changes none of these bits.
    if (node.facts.mode !== options.mode) await chmod(handlePath(node.handle), options.mode);
    return node;
  } catch (error) {
    await node.handle.close();
    throw error;
  }
}

/**
 * Makes every folder of a chain that is missing and opens the last one. The handle is the caller's to close.
 *
 * @throws NotAFolderError when something else, also a link, stands in the way.
 */
export async function makeFolders(
  directory: FileHandle,
  names: readonly NodeName[],
  options: FolderOptions,
): Promise<OpenNode> {
  let { node } = await openBeneath(directory, []);
  for (const name of names) {
    if (node === null) break;
    const parent: OpenNode = node;
    try {
      node = await openOrMake(parent.handle, name, options);
    } finally {
      await parent.handle.close();
    }
  }
  if (node === null) throw new NotAFolderError('the folder is gone');
  return node;
}

async function openOrMake(directory: FileHandle, name: NodeName, options: FolderOptions): Promise<OpenNode> {
  try {
    return await makeFolder(directory, name, options);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
  const node = await openChild(directory, name);
  if (node.facts.type === 'directory') return node;
  await node.handle.close();
  throw new NotAFolderError(`${JSON.stringify(name.toString())} is a ${node.facts.type}, not a folder`);
}
