/** Lists a tree without following links, within caps, with any depth held in one list instead of the stack. It opens no content. */
import { type FileHandle, opendir } from 'node:fs/promises';
import { WorkspaceError } from '../errors.js';
import { findChild, handlePath, type NodeFacts, openBeneath } from './node.js';

/** One node of a tree. */
export interface WalkEntry {
  /** Names from the root down, as bytes: they need not be valid UTF-8. */
  readonly names: readonly Buffer[];
  readonly facts: NodeFacts;
  /** The folder it lies in; open only until the next entry is asked for. */
  readonly parent: FileHandle;
}

/** Bounds of a walk. */
export interface WalkOptions {
  readonly maxEntries: number;
  /** Names from the root to an entry. */
  readonly maxDepth: number;
  /** Which folders are walked into; default: all. */
  readonly enters?: ((entry: WalkEntry) => boolean) | undefined;
  readonly signal: AbortSignal;
}

/**
 * Everything beneath an open folder, parents before children, by bytes of the name within a folder. What vanishes meanwhile is left out.
 *
 * @throws `workspace.too_large` beyond the caps; `details.limit` says which.
 */
export async function* walk(
  root: FileHandle,
  options: WalkOptions,
): AsyncGenerator<WalkEntry, void, undefined> {
  const pending: (readonly Buffer[])[] = [[]];
  let entries = 0;
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    options.signal.throwIfAborted();
    const { node } = await openBeneath(root, folder);
    if (node === null) continue;
    try {
      if (node.facts.type !== 'directory') continue;
      const names = await namesIn(node.handle, options.maxEntries - entries);
      if (names === null)
        throw tooLarge('entries', `it holds more than ${String(options.maxEntries)} files and folders`);
      if (names.length > 0 && folder.length >= options.maxDepth) {
        throw tooLarge('depth', `it is nested deeper than ${String(options.maxDepth)} folders`);
      }
      entries += names.length;
      const folders: (readonly Buffer[])[] = [];
      for (const name of names) {
        options.signal.throwIfAborted();
        const facts = await factsOf(node.handle, name);
        if (facts === null) continue;
        const entry = { names: [...folder, name], facts, parent: node.handle };
        if (facts.type === 'directory' && options.enters?.(entry) !== false) folders.push(entry.names);
        yield entry;
      }
      pending.push(...folders.reverse());
    } finally {
      await node.handle.close();
    }
  }
}

async function namesIn(directory: FileHandle, room: number): Promise<Buffer[] | null> {
  const names: Buffer[] = [];
  // latin1 keeps every byte of a name; a folder of a million names is not read beyond the cap.
  for await (const entry of await opendir(handlePath(directory), { encoding: 'latin1', bufferSize: 256 })) {
    if (names.length >= room) return null;
    names.push(Buffer.from(entry.name, 'latin1'));
  }
  return names.sort((a, b) => Buffer.compare(a, b));
}

async function factsOf(directory: FileHandle, name: Buffer): Promise<NodeFacts | null> {
  const node = await findChild(directory, name);
  await node?.handle.close();
  return node?.facts ?? null;
}

const tooLarge = (limit: 'entries' | 'depth', problem: string): WorkspaceError =>
  new WorkspaceError('workspace.too_large', `a folder is too large: ${problem}`, { details: { limit } });
