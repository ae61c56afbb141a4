/** Finds the folders of runs beneath a root, with their marks. It decides nothing and removes only what it is told to. */
import { readdir, realpath, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, openBeneath, openDirectory, type OpenNode } from '../host/node.js';
import { removeTree } from '../host/remove-tree.js';
import { makerOf, MARK_FILE, type OwnerMark, readOwnerMark } from '../workspace/owner-mark.js';

/** A folder that is, or looks like, a run's. */
export interface FoundFolder {
  readonly path: string;
  /** Null where there is none. */
  readonly mark: OwnerMark | null;
  /** Who was making it when it had no mark yet; null for a folder that has its name. */
  readonly maker: string | null;
  /** Removes exactly the folder that was found; nothing there any more is success. */
  readonly remove: () => Promise<void>;
}

/** All whose names begin with `prefix`; none where there is no root. */
export async function findFolders(root: string, prefix: string): Promise<readonly FoundFolder[]> {
  let rootPath: string;
  let names: readonly string[];
  try {
    // Links further up are the operator's own, as when folders are made.
    rootPath = await realpath(root);
    names = await readdir(rootPath);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
  const found: FoundFolder[] = [];
  for (const name of names) {
    if (!name.startsWith(prefix) && makerOf(name) === null) continue;
    const folder = await inspectFolder(rootPath, name);
    if (folder !== null) found.push(folder);
  }
  return found;
}

async function inspectFolder(rootPath: string, name: string): Promise<FoundFolder | null> {
  return withRoot(rootPath, async (root) => {
    const { node } = await openBeneath(root.handle, [name]);
    if (node === null) return null;
    try {
      if (node.facts.type !== 'directory') return null;
      const path = join(rootPath, name);
      const { identity } = node.facts;
      const mark = await readOwnerMark(node);
      const maker = makerOf(name);
      const remove = async (): Promise<void> =>
        maker === null
          ? withRoot(rootPath, async ({ handle }) => removeTree(handle, name, { identity }))
          : removeUnfinished(path);
      return { path, mark, maker, remove };
    } finally {
      await node.handle.close();
    }
  });
}

/** A name is a weak proof, so a folder that was never finished goes only if there is nothing in it but its mark. */
async function removeUnfinished(path: string): Promise<void> {
  const others = (await readdir(path)).filter((name) => name !== MARK_FILE);
  if (others.length > 0) throw new Error('it holds more than an unfinished folder may');
  await rm(join(path, MARK_FILE), { force: true });
  await rmdir(path);
}

async function withRoot<T>(rootPath: string, work: (root: OpenNode) => Promise<T>): Promise<T> {
  const root = await openDirectory(rootPath);
  try {
    return await work(root);
  } finally {
    await root.handle.close();
  }
}
