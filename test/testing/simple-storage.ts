/** A small correct storage in memory whose every step can be broken on purpose, to prove that the suite notices. */
import { readFile, writeFile } from 'node:fs/promises';
import { StorageError } from '../../src/errors.js';
import type { StorageAdapter, StorageStat } from '../../src/storage/types.js';

/** What is wrong with it; nothing by default. */
export type StorageMutation =
  | 'accepts a short body'
  | 'accepts a long body'
  | 'keeps half of a body that throws'
  | 'overwrites always'
  | 'never overwrites'
  | 'forgets idempotency keys'
  | 'lists by prefix of the text'
  | 'lists children before parents'
  | 'leaves folders out of lists'
  | 'lists nothing for a missing folder'
  | 'gives nothing for a missing file'
  | 'has no folders'
  | 'decodes names'
  | 'decodes content as text'
  | 'ignores an aborted signal'
  | 'publishes before the end'
  | 'makes folders first'
  | 'checks for an existing object only at first'
  | 'copies half'
  | 'copies nothing where nothing is'
  | 'copies over what is there'
  | 'copies whatever the signal says'
  | 'shares its files with their copies';

interface Stored {
  readonly bytes: Buffer;
  readonly key: string;
}

/** The storage. */
export function simpleStorage(mutation?: StorageMutation): StorageAdapter {
  const files = new Map<string, Stored>();
  const copies = new Map<string, string>();
  const folders = new Set<string>();
  const is = (which: StorageMutation): boolean => mutation === which;
  const nameOf = (path: string): string => (is('decodes names') ? decodeURI(path) : path);
  const isBeneath = (path: string, folder: string): boolean =>
    folder === '' || path.startsWith(is('lists by prefix of the text') ? folder : `${folder}/`);
  const isFolder = (path: string): boolean =>
    path === '' ||
    folders.has(path) ||
    (!is('has no folders') && [...files.keys()].some((file) => file.startsWith(`${path}/`)));
  const checkSignal = (signal: AbortSignal): void => {
    if (!is('ignores an aborted signal')) signal.throwIfAborted();
  };
  const stat = (path: string): StorageStat | null => {
    const file = files.get(path);
    if (file !== undefined) return { type: 'file', sizeBytes: file.bytes.length };
    return isFolder(path) ? { type: 'directory', sizeBytes: 0 } : null;
  };
  const missing = (path: string): StorageError => new StorageError('storage.not_found', `nothing at ${path}`);

  /** The body's chunks; rejects with the signal's reason even while the body hangs. */
  async function* chunksOf(body: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
    });
    aborted.catch(() => undefined);
    const iterator = body[Symbol.asyncIterator]();
    for (;;) {
      const next = await Promise.race([aborted, iterator.next()]);
      checkSignal(signal);
      if (next.done === true) return;
      yield next.value;
    }
  }

  return {
    stat: async (path, { signal }) => {
      checkSignal(signal);
      return Promise.resolve(stat(nameOf(path)));
    },
    async *list(prefix, { signal }) {
      checkSignal(signal);
      const folder = nameOf(prefix);
      if (!isFolder(folder) && !is('has no folders')) {
        if (is('lists nothing for a missing folder')) return;
        throw missing(prefix);
      }
      const paths = new Set<string>();
      for (const file of files.keys()) {
        if (!isBeneath(file, folder)) continue;
        const names = file.split('/');
        for (let length = 1; length <= names.length; length += 1) {
          const path = names.slice(0, length).join('/');
          const isWanted = length === names.length || !is('leaves folders out of lists');
          if (isWanted && isBeneath(path, folder)) paths.add(path);
        }
      }
      const sorted = [...paths].sort();
      for (const path of is('lists children before parents') ? sorted.reverse() : sorted) {
        const entry = stat(path);
        if (entry !== null) yield await Promise.resolve({ ...entry, path });
      }
    },
    read: async (path, { signal }) => {
      checkSignal(signal);
      const file = files.get(nameOf(path));
      if (file === undefined && !is('gives nothing for a missing file')) throw missing(path);
      const shared = copies.get(nameOf(path));
      const bytes = shared === undefined ? (file?.bytes ?? Buffer.alloc(0)) : await readFile(shared);
      async function* once(): AsyncGenerator<Uint8Array> {
        yield await Promise.resolve(is('decodes content as text') ? Buffer.from(bytes.toString()) : bytes);
      }
      return Promise.resolve(once());
    },
    copyTo: async (path, localPath, { signal }) => {
      if (!is('copies whatever the signal says')) checkSignal(signal);
      const file = files.get(nameOf(path));
      if (file === undefined && !is('copies nothing where nothing is')) throw missing(path);
      const bytes = file?.bytes ?? Buffer.alloc(0);
      const copied = is('copies half') ? bytes.subarray(0, bytes.length / 2) : bytes;
      if (is('shares its files with their copies')) copies.set(nameOf(path), localPath);
      try {
        await writeFile(localPath, copied, { flag: is('copies over what is there') ? 'w' : 'wx' });
      } catch (cause) {
        throw new StorageError('storage.failed', `${path} cannot be copied`, { cause });
      }
    },
    write: async (path, body, options) => {
      const { signal, sizeBytes, overwrite, idempotencyKey: key } = options;
      checkSignal(signal);
      const name = nameOf(path);
      if (name === '') throw new StorageError('storage.failed', 'the root is a folder');
      const isDone = (): boolean => !is('forgets idempotency keys') && files.get(name)?.key === key;
      const mayReplace = is('overwrites always') || (overwrite && !is('never overwrites'));
      const checkFree = (): void => {
        if (files.has(name) && !mayReplace) throw new StorageError('storage.exists', `${path} exists`);
      };
      if (isDone()) return { path, type: 'file', sizeBytes };
      checkFree();
      const parents = name.split('/').slice(0, -1);
      if (is('makes folders first'))
        for (const index of parents.keys()) folders.add(parents.slice(0, index + 1).join('/'));
      const chunks: Uint8Array[] = [];
      try {
        for await (const chunk of chunksOf(body, signal)) {
          chunks.push(chunk);
          if (is('publishes before the end')) files.set(name, { bytes: Buffer.concat(chunks), key });
        }
      } catch (error) {
        if (is('keeps half of a body that throws')) files.set(name, { bytes: Buffer.concat(chunks), key });
        if (is('publishes before the end')) files.delete(name);
        throw error;
      }
      const bytes = Buffer.concat(chunks);
      const isShort = bytes.length < sizeBytes && !is('accepts a short body');
      const isLong = bytes.length > sizeBytes && !is('accepts a long body');
      if (isShort || isLong) throw new StorageError('storage.failed', `${path}: ${bytes.length} bytes`);
      if (!is('checks for an existing object only at first') && !is('publishes before the end')) checkFree();
      files.set(name, { bytes, key });
      return { path, type: 'file', sizeBytes: bytes.length };
    },
  };
}
