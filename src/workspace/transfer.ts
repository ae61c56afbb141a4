/** Stages one file: copies, counts, hashes and checks it in one pass. It decides nothing about inputs. */
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageError } from '../errors.js';
import { once } from '../host/chunks.js';
import { type Content, createFile, createUnhashedFile, digestContent } from '../host/file-content.js';
import { errorCode, findChild, handlePath, openContent, type OpenNode } from '../host/node.js';
import type { SharedFolders } from '../host/shared-folders.js';
import { countAnnounced, requireAnnounced } from './announced.js';
import type { Budget } from './budget.js';
import { callStorage, readStorage } from './storage-calls.js';
import type { Transfer } from './survey.js';

/** Readable by any user the job may have: only the mount of this one file or folder leads here. */
export const STAGED_FILE_MODE = 0o444;

/** Where a file is staged. */
export interface TransferContext {
  /** The folders beneath `inputs/`, by path. */
  readonly folders: SharedFolders;
  /** Path of the same folder, for adapters that copy by themselves. */
  readonly inputsPath: string;
  readonly budget: Budget;
  /** Whether the SHA-256 is asked for; one that the storage announced is checked in any case. */
  readonly isHashed: boolean;
  readonly signal: AbortSignal;
}

/**
 * Stages a file.
 *
 * @throws `workspace.too_large`; `storage.failed` when size or checksum are not what the storage announced.
 */
export async function transferFile(transfer: Transfer, context: TransferContext): Promise<Content> {
  return inPlace(transfer, context.folders, async (folder, name) => {
    const content = await receive(transfer, folder, name, context);
    requireAnnounced(transfer, content);
    return content;
  });
}

/**
 * Makes a file in its place beneath `inputs/`.
 *
 * @throws `storage.failed` where there is one already; what `make` throws.
 */
export async function inPlace<T>(
  transfer: Transfer,
  folders: SharedFolders,
  make: (folder: OpenNode, name: string) => Promise<T>,
): Promise<T> {
  try {
    return await folders(transfer.names.slice(0, -1).join('/'), async (folder) =>
      make(folder, transfer.names.at(-1) ?? ''),
    );
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
    const problem = `the storage lists ${JSON.stringify(transfer.names.slice(1).join('/'))} twice`;
    throw new StorageError('storage.failed', `${transfer.what}: ${problem}`, { cause: error });
  }
}

async function receive(
  transfer: Transfer,
  folder: OpenNode,
  name: string,
  context: TransferContext,
): Promise<Content> {
  const { source } = transfer;
  const { signal } = context;
  const count = context.budget.startFile(transfer.what, source.kind === 'bytes' ? 'caller' : 'storage');
  const onBytes = countAnnounced(transfer, count);
  const isHashed = context.isHashed || transfer.sha256 !== null;
  const create = isHashed ? createFile : createUnhashedFile;
  const options = { mode: STAGED_FILE_MODE, signal, onBytes };
  if (source.kind === 'bytes') return create(folder.handle, name, once(source.bytes), options);
  const { place, path } = source;
  if (place.adapter.copyTo === undefined) {
    return create(folder.handle, name, readStorage(place, path, signal), options);
  }
  const localPath = join(context.inputsPath, ...transfer.names);
  const { sizeBytes } = transfer;
  await callStorage(place, path, signal, async () =>
    place.adapter.copyTo?.(path, localPath, { sizeBytes, signal }),
  );
  return takeOver(transfer, folder, name, { isHashed, signal, onBytes });
}

interface TakeOverOptions {
  readonly isHashed: boolean;
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: number) => void;
}

/** Counts and checks a file that an adapter made by itself. */
async function takeOver(
  transfer: Transfer,
  folder: OpenNode,
  name: string,
  options: TakeOverOptions,
): Promise<Content> {
  const node = await findChild(folder.handle, name);
  try {
    // A link would lead elsewhere; a second name of a file of the storage would let its mode be changed.
    if (node?.facts.type !== 'file' || node.facts.links !== 1) {
      throw new StorageError(
        'storage.failed',
        `${transfer.what}: the storage's copyTo did not make a file of its own`,
      );
    }
    const content = options.isHashed ? await digestNode(node, options) : sizeOf(node, options);
    await chmod(handlePath(node.handle), STAGED_FILE_MODE);
    return content;
  } finally {
    await node?.handle.close();
  }
}

async function digestNode(node: OpenNode, options: TakeOverOptions): Promise<Content> {
  const content = await openContent(node);
  try {
    return await digestContent(content, { ...options, sizeBytes: node.facts.sizeBytes });
  } finally {
    await content.close();
  }
}

function sizeOf({ facts: { sizeBytes } }: OpenNode, { onBytes }: TakeOverOptions): Content {
  onBytes(sizeBytes);
  return { sizeBytes, sha256: null };
}
