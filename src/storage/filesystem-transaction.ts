/** A transaction of a filesystem storage: what it holds stands beside its places, with a journal in the root by which any process can end it. */
import { nodeCrypto } from '../base/node-crypto.js';
import { link, mkdir, realpath, rename, rmdir, unlink } from 'node:fs/promises';
import { StorageError } from '../errors.js';
import { once } from '../host/chunks.js';
import { createFile, type Digest, readContent } from '../host/file-content.js';
import { makeFolders } from '../host/folders.js';
import {
  childPath,
  errorCode,
  openBeneath,
  openContent,
  openDirectory,
  type OpenNode,
} from '../host/node.js';
import { walk } from '../host/walk.js';
import { requireAnnounced, stopBeyond } from './body-check.js';
import { FILE_MODE, FOLDER_MODE, isUnfinished, syncFolder, UNFINISHED } from './filesystem-publish.js';
import { alreadyExists, storageNames } from './storage-path.js';
import type { StorageCallOptions, WriteOptions } from './types.js';

/** One object of a transaction, as its journal has it. */
interface JournalEntry extends Digest {
  readonly names: readonly string[];
  readonly overwrite: boolean;
  readonly idempotencyKey: string;
}

/** What can be done with a transaction; paths are split into names. */
export interface FilesystemTransaction {
  write(names: readonly string[], body: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<Digest>;
  commit(options: StorageCallOptions): Promise<void>;
  abort(options: StorageCallOptions): Promise<void>;
}

/** In the journal of a transaction that is committed: from then on it can only be tidied up. */
const COMMITTED = 'committed';
const ENTRY_SUFFIX = '.json';
const MAX_ENTRY_BYTES = 64 * 1024;
const MAX_ENTRIES = 1_000_000;

const hashOf = (text: string): string =>
  nodeCrypto().createHash('sha256').update(text).digest('hex').slice(0, 32);

/** Begins a transaction beneath a root, or takes up one that is there. */
export function filesystemTransaction(rootPath: string, transactionId: string): FilesystemTransaction {
  const mark = `${UNFINISHED}${hashOf(transactionId)}`;
  const stagedName = ({ names }: Pick<JournalEntry, 'names'>): string => `${mark}-${hashOf(names.join('/'))}`;
  const entryName = (names: readonly string[]): string => `${hashOf(names.join('/'))}${ENTRY_SUFFIX}`;

  async function inRoot<T>(work: (top: OpenNode) => Promise<T>): Promise<T> {
    await mkdir(rootPath, { recursive: true, mode: FOLDER_MODE });
    return closing(await openDirectory(await realpath(rootPath)), work);
  }
  const inJournal = async (work: (journal: OpenNode, top: OpenNode) => Promise<void>): Promise<void> =>
    inRoot(async (top) => {
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
      const entry: JournalEntry = { names, overwrite, idempotencyKey, sizeBytes, sha256 };
      return inRoot(async (top) => {
        const folder = await makeFolders(top.handle, names.slice(0, -1), { mode: FOLDER_MODE });
        return closing(folder, async () => {
          await requireWritable(folder, name, entry);
          const journal = await makeFolders(top.handle, [mark], { mode: 0o700 });
          return closing(journal, async () => {
            const earlier = await readEntry(journal, entryName(names));
            const staged = await identityOf(folder, stagedName(entry));
            if (earlier !== null && earlier.idempotencyKey !== idempotencyKey && !overwrite)
              throw alreadyExists(path);
            if (earlier?.idempotencyKey === idempotencyKey && staged?.sizeBytes === sizeBytes)
              return { sizeBytes, sha256 };
            await unlinkIfThere(folder, stagedName(entry));
            await unlinkIfThere(journal, entryName(names));
            // The journal first: what stands beside a place without being in it would stay for ever.
            const text = once(Buffer.from(JSON.stringify(entry)));
            await createFile(journal.handle, entryName(names), text, { mode: 0o600, signal, sync: true });
            try {
              const onBytes = stopBeyond(path, sizeBytes);
              const file = { mode: FILE_MODE, signal, onBytes, sync: true };
              const digest = await createFile(folder.handle, stagedName(entry), body, file);
              requireAnnounced(path, digest, options);
              return digest;
            } catch (error) {
              await unlinkIfThere(folder, stagedName(entry));
              await unlinkIfThere(journal, entryName(names));
              throw error;
            }
          });
        });
      });
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
        await tidyUp(top, journal, entries, stagedName);
      });
    },

    async abort({ signal }) {
      signal.throwIfAborted();
      await inJournal(async (journal, top) => {
        const entries = await readEntries(journal, signal);
        if ((await identityOf(journal, COMMITTED)) === null) await unpublishAll(top, entries, stagedName);
        await tidyUp(top, journal, entries, stagedName);
      });
    },
  };

  /** Removes what the transaction needed; the journal's own folder last. */
  async function tidyUp(
    top: OpenNode,
    journal: OpenNode,
    entries: readonly JournalEntry[],
    nameOf: (entry: JournalEntry) => string,
  ): Promise<void> {
    for (const entry of entries) {
      await inFolderOf(top, entry, async (folder) => {
        for (const suffix of ['', '.new', '.old']) await unlinkIfThere(folder, `${nameOf(entry)}${suffix}`);
      });
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
      await inFolderOf(top, entry, async (folder) => {
        const name = entry.names.at(-1) ?? '';
        // What an earlier commit that broke off has published is no obstacle.
        const ours = await identityOf(folder, stagedName(entry));
        const there = await identityOf(folder, name);
        if (ours?.identity !== there?.identity) await requireWritable(folder, name, entry);
      });
    }
    for (const entry of entries) {
      await inFolderOf(top, entry, async (folder) => publishOne(folder, entry, stagedName(entry)));
    }
  } catch (error) {
    await unpublishAll(top, entries, stagedName);
    throw error;
  }
}

async function publishOne(folder: OpenNode, entry: JournalEntry, staged: string): Promise<void> {
  const name = entry.names.at(-1) ?? '';
  const at = (each: string): string | Buffer => childPath(folder.handle, each);
  const [ours, there] = [await identityOf(folder, staged), await identityOf(folder, name)];
  if (ours === null) throw new StorageError('storage.failed', `${pathOf(entry)} was not written to its end`);
  if (ours.identity === there?.identity) return;
  try {
    if (!entry.overwrite) {
      // link(2) never replaces: of two writers one gets EEXIST.
      await link(at(staged), at(name));
    } else {
      await unlinkIfThere(folder, `${staged}.old`);
      if (there !== null) await link(at(name), at(`${staged}.old`));
      await unlinkIfThere(folder, `${staged}.new`);
      await link(at(staged), at(`${staged}.new`));
      await rename(at(`${staged}.new`), at(name));
    }
  } catch (error) {
    throw errorCode(error) === 'EEXIST' ? alreadyExists(entry.names.join('/')) : error;
  }
  await syncFolder(folder);
}

/** Takes out of sight what is the transaction's own, and puts back what it replaced. */
async function unpublishAll(
  top: OpenNode,
  entries: readonly JournalEntry[],
  stagedName: NameOf,
): Promise<void> {
  for (const entry of entries) {
    await inFolderOf(top, entry, async (folder) => {
      const name = entry.names.at(-1) ?? '';
      const staged = stagedName(entry);
      const ours = await identityOf(folder, staged);
      const there = await identityOf(folder, name);
      if (ours === null || ours.identity !== there?.identity) return;
      const old = `${staged}.old`;
      if ((await identityOf(folder, old)) === null) await unlinkIfThere(folder, name);
      else await rename(childPath(folder.handle, old), childPath(folder.handle, name));
    });
  }
}

/** Before bytes are taken, and again before any object is visible; link(2) decides in the end. */
async function requireWritable(folder: OpenNode, name: string, entry: JournalEntry): Promise<void> {
  const existing = await identityOf(folder, name);
  if (existing === null) return;
  if (existing.type === 'directory') throw new StorageError('storage.failed', `${pathOf(entry)} is a folder`);
  if (!entry.overwrite) throw alreadyExists(entry.names.join('/'));
}

const pathOf = ({ names }: JournalEntry): string => JSON.stringify(names.join('/'));

async function inFolderOf(
  top: OpenNode,
  { names }: JournalEntry,
  work: (folder: OpenNode) => Promise<void>,
): Promise<void> {
  const { node } = await openBeneath(top.handle, names.slice(0, -1));
  if (node !== null) await closing(node, work);
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

async function readEntries(journal: OpenNode, signal: AbortSignal): Promise<readonly JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for await (const { names } of walk(journal.handle, { maxEntries: MAX_ENTRIES, maxDepth: 1, signal })) {
    const name = names.at(-1)?.toString() ?? '';
    const entry = name.endsWith(ENTRY_SUFFIX) ? await readEntry(journal, name) : null;
    if (entry !== null) entries.push(entry);
  }
  return entries;
}

/** Null for none, and for one that was cut off while it was written: then nothing was stored for it yet. */
async function readEntry(journal: OpenNode, name: string): Promise<JournalEntry | null> {
  const { node } = await openBeneath(journal.handle, [name]);
  if (node?.facts.type !== 'file' || node.facts.sizeBytes > MAX_ENTRY_BYTES) {
    await node?.handle.close();
    return null;
  }
  return closing(node, async () => {
    const content = await openContent(node);
    try {
      const chunks: Uint8Array[] = [];
      for await (const chunk of readContent(content, { signal: new AbortController().signal }))
        chunks.push(chunk);
      const entry = JSON.parse(Buffer.concat(chunks).toString()) as JournalEntry;
      // Whoever may write to the root may write here, too; a name must not lead out of it.
      return storageNames(entry.names.join('/')).length === entry.names.length ? entry : null;
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof TypeError) return null;
      throw error;
    } finally {
      await content.close();
    }
  });
}

async function closing<T>(node: OpenNode, work: (node: OpenNode) => Promise<T>): Promise<T> {
  try {
    return await work(node);
  } finally {
    await node.handle.close();
  }
}
