/** A storage in memory, for tests and small jobs. Nothing of it outlives the process. */
import { nodeCrypto } from '../base/node-crypto.js';
import { interruptible, once, withOwnChunks } from '../host/chunks.js';
import { announcedBody } from './body-check.js';
import { alreadyExists, notFound, storageNames } from './storage-path.js';
import { StorageError } from '../errors.js';
import type { StorageAdapter, StorageEntry, StorageTransaction, WriteOptions } from './types.js';

/** A storage that can be looked into. */
export interface MemoryStorage extends StorageAdapter {
  /** Copies of all files by path, in the order of their paths. */
  files(): Record<string, Uint8Array>;
}

interface StoredFile {
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly idempotencyKey: string | null;
}

/** Written to a transaction and not committed yet. */
interface HeldFile {
  readonly names: readonly string[];
  readonly bytes: Uint8Array;
  readonly options: WriteOptions;
}

/**
 * Makes a storage in memory. Keys of `initial` are paths; a key that ends with `/` is an empty folder. Text is stored as UTF-8.
 *
 * @throws `storage.failed` for a key that is not a path.
 *
 * @example
 * const storage = memoryStorage({ 'in/words.txt': 'one two three' });
 */
export function memoryStorage(initial: Readonly<Record<string, string | Uint8Array>> = {}): MemoryStorage {
  const files = new Map<string, StoredFile>();
  const folders = new Set<string>(['']);
  const transactions = new Map<string, Map<string, HeldFile>>();

  const addFolders = (names: readonly string[]): void => {
    for (let length = 1; length <= names.length; length += 1) folders.add(names.slice(0, length).join('/'));
  };
  const store = (names: readonly string[], bytes: Uint8Array, idempotencyKey: string | null): StoredFile => {
    const file = {
      bytes,
      sha256: nodeCrypto().createHash('sha256').update(bytes).digest('hex'),
      idempotencyKey,
    };
    addFolders(names.slice(0, -1));
    files.set(names.join('/'), file);
    return file;
  };
  for (const [key, content] of Object.entries(initial)) {
    const isFolder = key.endsWith('/');
    const names = storageNames(isFolder ? key.slice(0, -1) : key);
    if (isFolder) addFolders(names);
    else store(names, typeof content === 'string' ? Buffer.from(content) : Uint8Array.from(content), null);
  }

  const entryAt = (path: string): StorageEntry | null => {
    const file = files.get(path);
    if (file !== undefined)
      return { path, type: 'file', sizeBytes: file.bytes.byteLength, sha256: file.sha256 };
    return folders.has(path) ? { path, type: 'directory', sizeBytes: 0 } : null;
  };
  const requireFree = (names: readonly string[]): void => {
    const path = names.join('/');
    const parents = names.slice(1).map((_, index) => names.slice(0, index + 1).join('/'));
    const blocking = parents.find((parent) => files.has(parent));
    if (blocking !== undefined)
      throw new StorageError('storage.failed', `${JSON.stringify(blocking)} is a file`);
    if (folders.has(path)) throw new StorageError('storage.failed', `${JSON.stringify(path)} is a folder`);
  };

  return {
    async stat(path, { signal }) {
      signal.throwIfAborted();
      return Promise.resolve(entryAt(storageNames(path).join('/')));
    },
    async *list(prefix, { signal }) {
      signal.throwIfAborted();
      const folder = storageNames(prefix).join('/');
      if (!folders.has(folder)) throw notFound('folder', prefix);
      const start = folder === '' ? '' : `${folder}/`;
      const beneath = [...files.keys(), ...folders].filter((path) => path !== '' && path.startsWith(start));
      // Sorted by text, a folder comes before what is in it.
      for (const path of beneath.sort()) {
        signal.throwIfAborted();
        const entry = entryAt(path);
        if (entry !== null) yield await Promise.resolve(entry);
      }
    },
    async read(path, { signal }) {
      signal.throwIfAborted();
      const file = files.get(storageNames(path).join('/'));
      if (file === undefined) throw notFound('file', path);
      return Promise.resolve(withOwnChunks(interruptible(once(Uint8Array.from(file.bytes)), signal)));
    },
    async write(path, body, options) {
      options.signal.throwIfAborted();
      const names = storageNames(path);
      const key = names.join('/');
      const wasDone = (): boolean => files.get(key)?.idempotencyKey === options.idempotencyKey;
      if (!wasDone()) {
        if (!options.overwrite && files.has(key)) throw alreadyExists(path);
        const bytes = await bytesFrom(path, body, options);
        // Asked again: another write of this path may have ended meanwhile.
        if (!wasDone()) {
          if (!options.overwrite && files.has(key)) throw alreadyExists(path);
          requireFree(names);
          store(names, bytes, options.idempotencyKey);
        }
      }
      const file = files.get(key);
      if (file === undefined) throw notFound('file', path);
      return { path: key, type: 'file', sizeBytes: file.bytes.byteLength, sha256: file.sha256 };
    },
    begin({ transactionId }): StorageTransaction {
      const held = transactions.get(transactionId) ?? new Map<string, HeldFile>();
      transactions.set(transactionId, held);
      return {
        async write(path, body, options) {
          options.signal.throwIfAborted();
          const names = storageNames(path);
          const key = names.join('/');
          const requireNew = (): void => {
            const other = held.get(key)?.options ?? options;
            const isTaken = files.has(key) || other.idempotencyKey !== options.idempotencyKey;
            if (isTaken && !options.overwrite) throw alreadyExists(path);
            requireFree(names);
          };
          const earlier = held.get(key);
          if (earlier?.options.idempotencyKey === options.idempotencyKey) {
            return { path: key, type: 'file', sizeBytes: earlier.bytes.byteLength };
          }
          requireNew();
          const bytes = await bytesFrom(path, body, options);
          requireNew();
          held.set(key, { names, bytes, options });
          return { path: key, type: 'file', sizeBytes: bytes.byteLength };
        },
        async commit({ signal }) {
          signal.throwIfAborted();
          const [filesBefore, foldersBefore] = [[...files], [...folders]];
          try {
            for (const [key, { names, bytes, options }] of held) {
              if (files.has(key) && !options.overwrite) throw alreadyExists(key);
              requireFree(names);
              store(names, bytes, options.idempotencyKey);
            }
          } catch (error) {
            files.clear();
            folders.clear();
            for (const [path, file] of filesBefore) files.set(path, file);
            for (const path of foldersBefore) folders.add(path);
            throw error;
          }
          held.clear();
          transactions.delete(transactionId);
          return Promise.resolve();
        },
        async abort({ signal }) {
          signal.throwIfAborted();
          held.clear();
          transactions.delete(transactionId);
          return Promise.resolve();
        },
      };
    },
    async remove(path, { signal }) {
      signal.throwIfAborted();
      const key = storageNames(path).join('/');
      if (folders.has(key)) throw new StorageError('storage.failed', `${JSON.stringify(path)} is a folder`);
      files.delete(key);
      return Promise.resolve();
    },
    files: () =>
      Object.fromEntries(
        [...files]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([path, file]) => [path, Uint8Array.from(file.bytes)]),
      ),
  };
}

async function bytesFrom(
  path: string,
  body: AsyncIterable<Uint8Array>,
  options: WriteOptions,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of announcedBody(path, body, options)) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}
