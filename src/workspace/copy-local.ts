/** Copies files and folders of this machine into the workspace. It looks up no path of the caller's. */
import { type Content, copyToFile, type Owner } from '../host/file-content.js';
import { makeFolders } from '../host/folders.js';
import { findChild, type NodeName, openBeneath, openContent, type OpenNode } from '../host/node.js';
import { walk } from '../host/walk.js';
import type { PlannedLimits } from '../plan/run-plan.js';
import type { Budget } from './budget.js';
import { pathOf } from './found-file.js';
import { runTogether } from './together.js';
import type { TreeFile } from './tree-digest.js';

/** Where files are put and how they are counted. */
export interface PutFilesContext {
  readonly workspace: OpenNode;
  readonly user: Owner;
  readonly budget: Budget;
  readonly limits: Pick<PlannedLimits, 'entries' | 'depth'>;
  /** Files of one folder at a time. */
  readonly concurrency: number;
  /** Whether each file is hashed. */
  readonly isHashed: boolean;
  readonly signal: AbortSignal;
}

/** What was copied of a folder. */
export interface CopiedFolder {
  readonly files: readonly TreeFile[];
  /** Links and special files that were not. */
  readonly leftOut: number;
}

/**
 * Copies what is beneath a folder.
 *
 * @throws `workspace.too_large`; the system's errors.
 */
export async function copyLocalFolder(
  path: string,
  names: readonly string[],
  source: OpenNode,
  executable: boolean,
  context: PutFilesContext,
): Promise<CopiedFolder> {
  let leftOut = 0;
  const copied: TreeFile[] = [];
  await makeAndClose(names, context);
  const { signal } = context;
  const bounds = { maxEntries: context.limits.entries, maxDepth: context.limits.depth, signal };
  let batch: Batch = { folder: [], files: [] };
  for await (const entry of walk(source.handle, bounds)) {
    if (entry.facts.type !== 'file' && entry.facts.type !== 'directory') {
      leftOut += 1;
      continue;
    }
    context.budget.addEntry(`files "${path}"`);
    if (entry.facts.type === 'directory') {
      await makeAndClose([...names, ...entry.names], context);
      continue;
    }
    const folder = entry.names.slice(0, -1);
    // The walk gives all of one folder before it goes on to the next.
    if (!isSamePath(folder, batch.folder)) {
      copied.push(...(await copyBatch(path, names, source, executable, batch, context)));
      batch = { folder, files: [] };
    }
    batch.files.push(...entry.names.slice(-1));
  }
  copied.push(...(await copyBatch(path, names, source, executable, batch, context)));
  return { files: copied, leftOut };
}

/** The files of one folder. */
interface Batch {
  readonly folder: readonly Buffer[];
  readonly files: Buffer[];
}

const isSamePath = (one: readonly Buffer[], other: readonly Buffer[]): boolean =>
  one.length === other.length && one.every((name, index) => other[index]?.equals(name) === true);

/** Both folders are opened once for all of their files. */
async function copyBatch(
  path: string,
  names: readonly string[],
  source: OpenNode,
  executable: boolean,
  { folder, files }: Batch,
  context: PutFilesContext,
): Promise<readonly TreeFile[]> {
  if (files.length === 0) return [];
  const { node: from } = await openBeneath(source.handle, folder);
  try {
    // Gone, or another thing by now: the same as if it had never been there.
    if (from?.facts.type !== 'directory') return [];
    const to = await openTarget([...names, ...folder], context);
    try {
      const tasks = files.map((name) => async (signal: AbortSignal): Promise<readonly TreeFile[]> => {
        const node = await findChild(from.handle, name);
        try {
          if (node?.facts.type !== 'file') return [];
          const content = await copyLocalFile(path, to, name, node, executable, { ...context, signal });
          return [{ ...content, path: pathOf([...folder, name]) }];
        } finally {
          await node?.handle.close();
        }
      });
      return (await runTogether(tasks, context)).flat();
    } finally {
      await to.handle.close();
    }
  } finally {
    await from?.handle.close();
  }
}

/** Copies one file into an open folder of the workspace; it is a program if its owner may execute it, or `executable` says so. */
export async function copyLocalFile(
  path: string,
  folder: OpenNode,
  name: NodeName,
  source: OpenNode,
  executable: boolean,
  { budget, user, isHashed, signal }: PutFilesContext,
): Promise<Content> {
  const onBytes = budget.startFile(`files "${path}"`, 'caller');
  const content = await openContent(source);
  try {
    const isProgram = executable || (source.facts.mode & 0o100) !== 0;
    const options = { ...madeFor(user, isProgram), isHashed, signal, onBytes };
    return await copyToFile(folder.handle, name, content, options);
  } finally {
    await content.close();
  }
}

/** How files of the caller's are made. */
export const madeFor = (
  owner: Owner,
  executable: boolean,
): { readonly mode: number; readonly owner: Owner } => ({
  mode: executable ? 0o755 : 0o644,
  owner,
});

/** Opens a folder of the workspace, making what is missing. The handle is the caller's to close. */
export async function openTarget(names: readonly NodeName[], context: PutFilesContext): Promise<OpenNode> {
  return makeFolders(context.workspace.handle, names, { mode: 0o755, owner: context.user });
}

async function makeAndClose(names: readonly NodeName[], context: PutFilesContext): Promise<void> {
  const folder = await openTarget(names, context);
  await folder.handle.close();
}
