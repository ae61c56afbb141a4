/** A transaction of a filesystem storage: what it holds stands near its places, with a journal in the root by which any process can end it. */
import { nodeCrypto } from '../base/node-crypto.js';
import { link, rename, rmdir, unlink } from 'node:fs/promises';
import { StorageError } from '../errors.js';
import { once } from '../host/chunks.js';
import { createFile, type Digest } from '../host/file-content.js';
import { makeFolders, removeEmptyFolders } from '../host/folders.js';
import { childPath, errorCode, openBeneath, type OpenNode } from '../host/node.js';
import { walk } from '../host/walk.js';
import { requireAnnounced, stopBeyond } from './body-check.js';
import {
  ENTRY_SUFFIX,
  type JournalEntry,
  MAX_ENTRIES,
  readEntries,
  readEntry,
} from './filesystem-journal.js';
import { closing, inDeepest, inNewFolders, isUnfinished, UNFINISHED } from './filesystem-places.js';
import { FILE_MODE, inRoot, requireWritable, syncFolder } from './filesystem-publish.js';
import { alreadyExists } from './storage-path.js';
import type { StorageCallOptions, WriteOptions } from './types.js';

/** What can be done with a transaction; paths are split into names. */
export interface FilesystemTransaction {
  write(names: readonly string[], body: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<Digest>;
  commit(options: StorageCallOptions): Promise<void>;
  abort(options: StorageCallOptions): Promise<void>;
}

/** In the journal of a transaction that is committed: from then on it can only be tidied up. */
const COMMITTED = 'committed';

const hashOf = (text: string): string =>
  nodeCrypto().createHash('sha256').update(text).digest('hex').slice(0, 32);

/** Begins a transaction beneath a root, or takes up one that is there. */
export function filesystemTransaction(rootPath: string, transactionId: string): FilesystemTransaction {
  const mark = `${UNFINISHED}${hashOf(transactionId)}`;
  const stagedName = ({ names }: Pick<JournalEntry, 'names'>): string => `${mark}-${hashOf(names.join('/'))}`;
  const entryName = (names: readonly string[]): string => `${hashOf(names.join('/'))}${ENTRY_SUFFIX}`;

  const inJournal = async (work: (journal: OpenNode, top: OpenNode) => Promise<void>): Promise<void> =>
    inRoot(rootPath, async (top) => {
      const { node } = await openBeneath(top.handle, [mark]);
      // Without a journal there is nothing to end: it is the first that is made and the last that goes.
      if (node !== null) await closing(node, async (journal) => work(journal, top));
    });

  return {
    async write(names, body, options) {
      const path = names.join('/');
      const name = names.at(-1);
      if (name === undefined || names.some(isUnfinished)) {
        throw new StorageError('storage.failed', `nothing can be stored at ${JSON.stringify(path)}`);
      }
      const { sizeBytes, sha256, overwrite, idempotencyKey, signal } = options;
      const parents = names.slice(0, -1);
      const onBytes = stopBeyond(path, sizeBytes);
      return inRoot(rootPath, async (top) =>
        inDeepest(top.handle, parents, async (staging, depth, take) => {
          const entry: JournalEntry = { names, depth, overwrite, idempotencyKey, sizeBytes, sha256 };
          if (depth === parents.length) await requireWritable(staging, name, path, entry);
          return closing(await makeFolders(top.handle, [mark], { mode: 0o700 }), async (journal) => {
            const earlier = await readEntry(journal, entryName(names));
            if (earlier !== null && earlier.idempotencyKey !== idempotencyKey && !overwrite)
              throw alreadyExists(path);
            if (earlier !== null) {
              const staged = await inStaging(top, earlier, async (folder) =>
                identityOf(folder, stagedName(earlier)),
              );
              if (earlier.idempotencyKey === idempotencyKey && staged?.sizeBytes === sizeBytes)
                return { sizeBytes, sha256 };
              await removeStaged(top, earlier);
            }
            await unlinkIfThere(journal, entryName(names));
            // The journal first: what stands somewhere without being in it would stay for ever.
            const text = once(Buffer.from(JSON.stringify(entry)));
            await createFile(journal.handle, entryName(names), text, { mode: 0o600, signal, sync: true });
            try {
              const file = { mode: FILE_MODE, signal, onBytes, sync: true };
              const digest = await createFile(staging.handle, stagedName(entry), take(body), file);
              requireAnnounced(path, digest, options);
              return digest;
            } catch (error) {
              await unlinkIfThere(staging, stagedName(entry));
              await unlinkIfThere(journal, entryName(names));
              throw error;
            }
          });
        }),
      );
    },

    async commit({ signal }) {
      signal.throwIfAborted();
      await inJournal(async (journal, top) => {
        const entries = await readEntries(journal, signal);
        if ((await identityOf(journal, COMMITTED)) === null) {
          await publishAll(top, entries, stagedName);
          const nothing = once(new Uint8Array());
          await createFile(journal.handle, COMMITTED, nothing, { mode: 0o600, signal, sync: true });
        }
        await tidyUp(top, journal, entries);
      });
    },

    async abort({ signal }) {
      signal.throwIfAborted();
      await inJournal(async (journal, top) => {
        const entries = await readEntries(journal, signal);
        if ((await identityOf(journal, COMMITTED)) === null) await unpublishAll(top, entries, stagedName);
        await tidyUp(top, journal, entries);
      });
    },
  };

  async function removeStaged(top: OpenNode, entry: JournalEntry): Promise<void> {
    await inStaging(top, entry, async (folder) => {
      for (const suffix of ['', '.new', '.old']) await unlinkIfThere(folder, `${stagedName(entry)}${suffix}`);
    });
  }

  /** Removes what the transaction needed; the journal's own folder last. */
  async function tidyUp(top: OpenNode, journal: OpenNode, entries: readonly JournalEntry[]): Promise<void> {
    for (const entry of entries) {
      await removeStaged(top, entry);
      await unlinkIfThere(journal, entryName(entry.names));
    }
    const { signal } = new AbortController();
    for await (const { names } of walk(journal.handle, { maxEntries: MAX_ENTRIES, maxDepth: 1, signal })) {
      const name = names.at(-1)?.toString() ?? '';
      if (name !== COMMITTED) await unlinkIfThere(journal, name);
    }
    await unlinkIfThere(journal, COMMITTED);
    await rmdir(childPath(top.handle, mark));
  }
}

type NameOf = (entry: JournalEntry) => string;

/** Makes every object visible, or none: what was there before is kept until all of them are. */
async function publishAll(
  top: OpenNode,
  entries: readonly JournalEntry[],
  stagedName: NameOf,
): Promise<void> {
  try {
    for (const entry of entries) {
      await inStaging(top, entry, async (staging) => {
        const [ours, folder] = [await identityOf(staging, stagedName(entry)), await folderOf(staging, entry)];
        if (folder === null) return;
        await closing(folder, async () => {
          const name = entry.names.at(-1) ?? '';
          // What an earlier commit that broke off has published is no obstacle.
          const there = await identityOf(folder, name);
          if (ours?.identity !== there?.identity)
            await requireWritable(folder, name, entry.names.join('/'), entry);
        });
      });
    }
    for (const entry of entries) {
      await inStaging(top, entry, async (staging) => publishOne(staging, entry, stagedName(entry)));
    }
  } catch (error) {
    await unpublishAll(top, entries, stagedName);
    throw error;
  }
}

async function publishOne(staging: OpenNode, entry: JournalEntry, staged: string): Promise<void> {
  const name = entry.names.at(-1) ?? '';
  const ours = await identityOf(staging, staged);
  if (ours === null) throw new StorageError('storage.failed', `${pathOf(entry)} was not written to its end`);
  const beside = (suffix: string): string | Buffer => childPath(staging.handle, `${staged}${suffix}`);
  try {
    await inNewFolders(staging.handle, foldersOf(entry), async (folder) => {
      const place = childPath(folder.handle, name);
      const there = await identityOf(folder, name);
      if (ours.identity === there?.identity) return;
      if (!entry.overwrite) {
        // link(2) never replaces: of two writers one gets EEXIST.
        await link(beside(''), place);
      } else {
        await unlinkIfThere(staging, `${staged}.old`);
        if (there !== null) await link(place, beside('.old'));
        await unlinkIfThere(staging, `${staged}.new`);
        await link(beside(''), beside('.new'));
        await rename(beside('.new'), place);
      }
      await syncFolder(folder);
    });
  } catch (error) {
    throw errorCode(error) === 'EEXIST' ? alreadyExists(entry.names.join('/')) : error;
  }
}

/** Takes out of sight what is the transaction's own, with the folders that came with it, and puts back what it replaced. */
async function unpublishAll(
  top: OpenNode,
  entries: readonly JournalEntry[],
  stagedName: NameOf,
): Promise<void> {
  for (const entry of entries) {
    await inStaging(top, entry, async (staging) => {
      const folder = await folderOf(staging, entry);
      if (folder === null) return;
      const isTaken = await closing(folder, async () =>
        unpublishOne(staging, folder, entry, stagedName(entry)),
      );
      const folders = foldersOf(entry);
      if (isTaken)
        await removeEmptyFolders(
          staging.handle,
          folders,
          folders.map((_folder, index) => index + 1),
        );
    });
  }
}

/** True where nothing is in its place any more. */
async function unpublishOne(
  staging: OpenNode,
  folder: OpenNode,
  entry: JournalEntry,
  staged: string,
): Promise<boolean> {
  const name = entry.names.at(-1) ?? '';
  const ours = await identityOf(staging, staged);
  const there = await identityOf(folder, name);
  if (ours === null || ours.identity !== there?.identity) return false;
  const old = `${staged}.old`;
  if ((await identityOf(staging, old)) === null) {
    await unlinkIfThere(folder, name);
    return true;
  }
  await rename(childPath(staging.handle, old), childPath(folder.handle, name));
  return false;
}

const pathOf = ({ names }: JournalEntry): string => JSON.stringify(names.join('/'));

/** The folders of an object that were not there when it was written. */
const foldersOf = ({ names, depth }: JournalEntry): readonly string[] => names.slice(depth, -1);

/** The folder an object is to be in; null while it is not there. */
async function folderOf(staging: OpenNode, entry: JournalEntry): Promise<OpenNode | null> {
  return findFolder(staging, foldersOf(entry));
}

/** Does something in the folder an object was written in; nothing where that is gone. */
async function inStaging<T>(
  top: OpenNode,
  { names, depth }: JournalEntry,
  work: (staging: OpenNode) => Promise<T>,
): Promise<T | undefined> {
  const staging = await findFolder(top, names.slice(0, depth));
  return staging === null ? undefined : closing(staging, work);
}

async function findFolder(base: OpenNode, names: readonly string[]): Promise<OpenNode | null> {
  const { node } = await openBeneath(base.handle, names);
  if (node === null || node.facts.type === 'directory') return node;
  await node.handle.close();
  return null;
}

async function identityOf(folder: OpenNode, name: string): Promise<OpenNode['facts'] | null> {
  const { node } = await openBeneath(folder.handle, [name]);
  await node?.handle.close();
  return node?.facts ?? null;
}

async function unlinkIfThere(folder: OpenNode, name: string): Promise<void> {
  try {
    await unlink(childPath(folder.handle, name));
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}
