/** Makes folders beneath an open folder, never through a link. It removes none but those that were made for something that then did not come. */
import { chmod, type FileHandle, lchown, mkdir, rmdir } from 'node:fs/promises';
import { chownIfNeeded, type Owner } from './file-content.js';
import {
  childPath,
  errorCode,
  findChild,
  handlePath,
  lookAt,
  type NodeFacts,
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

/** Makes one folder where nobody else may write; as {@link makeFolder}, but by its path, and without holding it open. */
export async function makeFolderAt(path: string, { mode, owner }: FolderOptions): Promise<NodeFacts> {
  await mkdir(path, { mode: 0o700 });
  const facts = await lookAt(path);
  if (owner !== undefined && (facts.uid !== owner.uid || facts.gid !== owner.gid)) {
    await lchown(path, owner.uid, owner.gid);
  }
  if (facts.mode !== mode) await chmod(path, mode);
  return facts;
}

/**
 * Makes every folder of a chain that is missing and opens the last one. The handle is the caller's to close.
 *
 * @throws NotAFolderError when something else, also a link, stands in the way.
 */
export async function makeFolders(
  directory: FileHandle,
  names: readonly NodeName[],
  options: FolderOptions & {
    /** Told of each folder that was not there: how many of the names lead to it. */
    readonly onMade?: ((depth: number) => void) | undefined;
  },
): Promise<OpenNode> {
  let { node } = await openBeneath(directory, []);
  for (const [index, name] of names.entries()) {
    if (node === null) break;
    const parent: OpenNode = node;
    try {
      node = await openOrMake(parent.handle, name, options, () => options.onMade?.(index + 1));
    } finally {
      await parent.handle.close();
    }
  }
  if (node === null) throw new NotAFolderError('the folder is gone');
  return node;
}

/** The last folder of a chain that is there, and how many of the names lead to it. The handle is the caller's to close. */
export interface DeepestFolder {
  readonly folder: OpenNode;
  readonly depth: number;
}

/**
 * Opens as much of a chain of folders as there is.
 *
 * @throws NotAFolderError when something else, also a link, stands in the way.
 */
export async function openDeepest(directory: FileHandle, names: readonly NodeName[]): Promise<DeepestFolder> {
  let { node: folder } = await openBeneath(directory, []);
  if (folder === null) throw new NotAFolderError('the folder is gone');
  for (const [index, name] of names.entries()) {
    const parent: OpenNode = folder;
    const child: OpenNode | null = await findChild(parent.handle, name).catch(async (error: unknown) => {
      await parent.handle.close();
      throw error;
    });
    if (child === null) return { folder: parent, depth: index };
    await parent.handle.close();
    folder = await requireFolder(child, name);
  }
  return { folder, depth: names.length };
}

/** Removes folders of a chain, each given by how many of the names lead to it, deepest last, as far as that can be done; not those that somebody uses. */
export async function removeEmptyFolders(
  directory: FileHandle,
  names: readonly NodeName[],
  depths: readonly number[],
): Promise<void> {
  for (const depth of depths.toReversed()) {
    const { node } = await openBeneath(directory, names.slice(0, depth - 1));
    try {
      if (node?.facts.type === 'directory') await rmdir(childPath(node.handle, names[depth - 1] ?? ''));
    } catch {
      // Somebody uses it by now, or was faster. What it was made for has failed already, and that is what is to be told.
    } finally {
      await node?.handle.close();
    }
  }
}

async function openOrMake(
  directory: FileHandle,
  name: NodeName,
  options: FolderOptions,
  onMade: () => void,
): Promise<OpenNode> {
  try {
    const made = await makeFolder(directory, name, options);
    onMade();
    return made;
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
  return requireFolder(await openChild(directory, name), name);
}

async function requireFolder(node: OpenNode, name: NodeName): Promise<OpenNode> {
  if (node.facts.type === 'directory') return node;
  await node.handle.close();
  throw new NotAFolderError(`${JSON.stringify(name.toString())} is a ${node.facts.type}, not a folder`);
}
