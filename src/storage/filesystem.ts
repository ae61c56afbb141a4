/** A local folder as a storage: never leaves its root and never follows a link beneath it. Not on Windows. */
import { realpath, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { JobRuntimeError, StorageError } from '../errors.js';
import { withOwnChunks } from '../host/chunks.js';
import { copyToFile, type Digest, readContent } from '../host/file-content.js';
import { folderPath } from '../host/folder-path.js';
import {
  childPath,
  errorCode,
  findChild,
  openBeneath,
  openContent,
  openDirectory,
  type OpenNode,
} from '../host/node.js';
import { shareFolders } from '../host/shared-folders.js';
import { walk } from '../host/walk.js';
import { isUnfinished } from './filesystem-places.js';
import { publishFile } from './filesystem-publish.js';
import { filesystemTransaction } from './filesystem-transaction.js';
import { notFound, storageNames } from './storage-path.js';
import type { StorageAdapter, StorageEntry } from './types.js';

/** Deeper than any path the core accepts. */
const MAX_DEPTH = 256;
const REMEMBERED_WRITES = 10_000;

interface DoneWrite {
  readonly path: string;
  readonly digest: Digest;
}

/**
 * Makes a storage of a local folder. The folder itself may be reached through links and is made at the first write; beneath it links are
 * neither followed nor listed. A write is complete and on the disk before it is visible, and so are the folders it needs; one that fails leaves
 * none of them. Several at once are written in transactions, which another process can end with the same id. Idempotency keys are remembered by this adapter
 * for as long as it lives, the latest 10,000.
 *
 * @throws `config.invalid` for an empty path.
 * @example
 * const runtime = createRuntime({}, { storage: { results: filesystemStorage('/var/lib/results') } });
 */
export function filesystemStorage(root: string): StorageAdapter {
  const rootPath = folderPath(root, 'filesystemStorage');
  const done = new Map<string, DoneWrite>();
  const sources = shareFolders(async (path) => {
    const node = await locate(path);
    if (node?.facts.type === 'directory') return node;
    await node?.handle.close();
    throw notFound('folder', path);
  });
  const targets = shareFolders(openDirectory);

  const locate = async (path: string): Promise<OpenNode | null> => {
    const names = storageNames(path);
    if (names.some(isUnfinished)) return null;
    const top = await openRoot(rootPath);
    if (top === null) return null;
    try {
      return (await openBeneath(top.handle, names)).node;
    } finally {
      await top.handle.close();
    }
  };

  return {
    async stat(path, { signal }) {
      signal.throwIfAborted();
      return guarded(path, signal, async () => {
        const node = await locate(path);
        await node?.handle.close();
        const name = storageNames(path).join('/');
        // The root is there even before anything was written.
        if (name === '') return { path: '', type: 'directory', sizeBytes: 0 };
        return node === null ? null : toEntry(name, node.facts);
      });
    },
    async *list(prefix, { signal }) {
      signal.throwIfAborted();
      const start = storageNames(prefix);
      const folder = await guarded(prefix, signal, () => locate(prefix));
      if (folder?.facts.type !== 'directory') {
        await folder?.handle.close();
        if (folder === null && start.length === 0) return;
        throw notFound('folder', prefix);
      }
      try {
        for await (const { names, facts } of walk(folder.handle, {
          maxEntries: Number.MAX_SAFE_INTEGER,
          maxDepth: MAX_DEPTH,
          signal,
        })) {
          const texts = names.map((name) => nameText(name, prefix));
          if (texts.some(isUnfinished)) continue;
          const entry = toEntry([...start, ...texts].join('/'), facts);
          if (entry !== null) yield entry;
        }
      } catch (error) {
        throw toStorageError(prefix, signal, error);
      } finally {
        await folder.handle.close();
      }
    },
    async read(path, { signal }) {
      signal.throwIfAborted();
      return guarded(path, signal, async () => {
        const node = await locate(path);
        await node?.handle.close();
        if (node?.facts.type !== 'file') throw notFound('file', path);
        return withOwnChunks(contentOf(path, () => locate(path), signal));
      });
    },
    async copyTo(path, localPath, { sizeBytes, signal }) {
      signal.throwIfAborted();
      await guarded(path, signal, async () => {
        const names = storageNames(path);
        const name = names.at(-1);
        if (name === undefined || isUnfinished(name)) throw notFound('file', path);
        await sources(names.slice(0, -1).join('/'), async (folder) => {
          const node = await openFile(folder, name, path);
          try {
            const maxBytes = sizeBytes ?? Number.POSITIVE_INFINITY;
            await targets(dirname(localPath), async (target) =>
              copyOut(node, target, basename(localPath), { maxBytes, signal }),
            );
          } finally {
            await node.handle.close();
          }
        });
      });
    },
    async write(path, body, options) {
      options.signal.throwIfAborted();
      return guarded(path, options.signal, async () => {
        const names = storageNames(path);
        const relative = names.join('/');
        const earlier = done.get(options.idempotencyKey);
        if (earlier?.path === relative && (await isStill(await locate(path), earlier.digest))) {
          return { path: relative, type: 'file', ...earlier.digest };
        }
        const digest = await publishFile(rootPath, names, body, options);
        done.set(options.idempotencyKey, { path: relative, digest });
        const oldest = done.size > REMEMBERED_WRITES ? done.keys().next() : null;
        if (oldest?.done === false) done.delete(oldest.value);
        return { path: relative, type: 'file', ...digest };
      });
    },
    begin({ transactionId }) {
      const transaction = filesystemTransaction(rootPath, transactionId);
      return {
        async write(path, body, options) {
          options.signal.throwIfAborted();
          return guarded(path, options.signal, async () => {
            const names = storageNames(path);
            const digest = await transaction.write(names, body, options);
            return { path: names.join('/'), type: 'file', ...digest };
          });
        },
        commit: async (options) => guarded('', options.signal, async () => transaction.commit(options)),
        abort: async (options) => guarded('', options.signal, async () => transaction.abort(options)),
      };
    },
    async remove(path, { signal }) {
      signal.throwIfAborted();
      await guarded(path, signal, async () => {
        const names = storageNames(path);
        const folder = await locate(names.slice(0, -1).join('/'));
        if (folder === null) return;
        try {
          await removeFile(folder, names.at(-1) ?? '', path);
        } finally {
          await folder.handle.close();
        }
      });
    },
  };
}

/** Readable by its owner alone, until whoever asked for it decides. */
const COPY_MODE = 0o600;

async function copyOut(
  node: OpenNode,
  folder: OpenNode,
  name: string,
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<void> {
  let copied = 0;
  const onBytes = (bytes: number): void => {
    copied += bytes;
    if (copied <= maxBytes) return;
    const problem = `the file has more than the ${String(maxBytes)} bytes it was said to have`;
    throw new StorageError('storage.failed', problem);
  };
  const content = await openContent(node);
  try {
    const options = { mode: COPY_MODE, isHashed: false, signal, onBytes };
    await copyToFile(folder.handle, name, content, options);
  } finally {
    await content.close();
  }
}

async function openFile(folder: OpenNode, name: string, path: string): Promise<OpenNode> {
  const node = await findChild(folder.handle, name);
  if (node?.facts.type === 'file') return node;
  await node?.handle.close();
  throw notFound('file', path);
}

async function removeFile(folder: OpenNode, name: string, path: string): Promise<void> {
  if (name === '' || isUnfinished(name)) return;
  const { node } = await openBeneath(folder.handle, [name]);
  await node?.handle.close();
  if (node?.facts.type === 'directory') {
    throw new StorageError('storage.failed', `${JSON.stringify(path)} is a folder`);
  }
  // A link is nothing here, to be removed as little as to be followed.
  if (node?.facts.type === 'file') await unlink(childPath(folder.handle, name));
}

async function openRoot(rootPath: string): Promise<OpenNode | null> {
  try {
    return await openDirectory(await realpath(rootPath));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

async function isStill(node: OpenNode | null, digest: Digest): Promise<boolean> {
  await node?.handle.close();
  return node?.facts.type === 'file' && node.facts.sizeBytes === digest.sizeBytes;
}

function toEntry(path: string, facts: OpenNode['facts']): StorageEntry | null {
  if (facts.type === 'directory') return { path, type: 'directory', sizeBytes: 0 };
  if (facts.type === 'file') return { path, type: 'file', sizeBytes: facts.sizeBytes };
  return null;
}

function nameText(name: Buffer, prefix: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(name);
  } catch {
    const shown = name.toString('latin1').replace(/[^ -~]/g, (byte) => `%${byte.charCodeAt(0).toString(16)}`);
    const problem = `beneath ${JSON.stringify(prefix)} the name "${shown}" is not valid UTF-8`;
    throw new StorageError('storage.failed', problem);
  }
}

// Opened when it is first asked for bytes: a stream nobody reads holds no file open.
async function* contentOf(
  path: string,
  locate: () => Promise<OpenNode | null>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    signal.throwIfAborted();
    const node = await locate();
    try {
      if (node?.facts.type !== 'file') throw notFound('file', path);
      const content = await openContent(node);
      try {
        yield* readContent(content, { signal });
      } finally {
        await content.close();
      }
    } finally {
      await node?.handle.close();
    }
  } catch (error) {
    throw toStorageError(path, signal, error);
  }
}

async function guarded<T>(path: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toStorageError(path, signal, error);
  }
}

function toStorageError(path: string, signal: AbortSignal, error: unknown): unknown {
  if (signal.aborted || JobRuntimeError.isInstance(error)) return error;
  const code = errorCode(error);
  const message = error instanceof Error ? error.message : String(error);
  const full =
    code === 'ENOSPC' || code === 'EDQUOT' ? { hint: 'free some space on the disk of the storage' } : {};
  return new StorageError('storage.failed', `${JSON.stringify(path)}: ${message}`, { cause: error, ...full });
}
