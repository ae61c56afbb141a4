/** Stages one file: copies, counts, hashes and checks it in one pass. It decides nothing about inputs. */
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageError } from '../errors.js';
import { once } from '../host/chunks.js';
import { type Content, createFile, createUnhashedFile, digestContent } from '../host/file-content.js';
import { errorCode, findChild, handlePath, openContent, type OpenNode } from '../host/node.js';
import type { SharedFolders } from '../host/shared-folders.js';
import type { Budget } from './budget.js';
import { callStorage, readStorage, storageName } from './storage-calls.js';
import type { Transfer } from './survey.js';

/** Readable by any user the job may have: only the mount of this one file or folder leads here. */
const FILE_MODE = 0o444;

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
  try {
    const content = await context.folders(transfer.names.slice(0, -1).join('/'), async (folder) =>
      receive(transfer, folder, context),
    );
    requireAnnounced(transfer, content);
    return content;
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
    const problem = `the storage lists ${JSON.stringify(transfer.names.slice(1).join('/'))} twice`;
    throw new StorageError('storage.failed', `${transfer.what}: ${problem}`, { cause: error });
  }
}

async function receive(transfer: Transfer, folder: OpenNode, context: TransferContext): Promise<Content> {
  const { source } = transfer;
  const { signal } = context;
  const name = transfer.names.at(-1) ?? '';
  const count = context.budget.startFile(transfer.what, source.kind === 'bytes' ? 'caller' : 'storage');
  let received = 0;
  const onBytes = (bytes: number): void => {
    count(bytes);
    received += bytes;
    // A body without end is stopped here, not at the limit.
    if (received > transfer.sizeBytes) throw wrongSize(transfer, `more than`);
  };
  const isHashed = context.isHashed || transfer.sha256 !== null;
  const create = isHashed ? createFile : createUnhashedFile;
  const options = { mode: FILE_MODE, signal, onBytes };
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
    await chmod(handlePath(node.handle), FILE_MODE);
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

function requireAnnounced(transfer: Transfer, content: Content): void {
  if (content.sizeBytes !== transfer.sizeBytes)
    throw wrongSize(transfer, `only ${String(content.sizeBytes)} of`);
  if (transfer.sha256 !== null && content.sha256 !== transfer.sha256) {
    throw new StorageError(
      'storage.failed',
      `${transfer.what}: checksum mismatch: ${nameOf(transfer)} announced SHA-256 ${transfer.sha256} but gave ${String(content.sha256)}`,
    );
  }
}

const wrongSize = (transfer: Transfer, found: string): StorageError =>
  new StorageError(
    'storage.failed',
    `${transfer.what}: size mismatch: ${nameOf(transfer)} gave ${found} the announced ${String(transfer.sizeBytes)} bytes`,
  );

function nameOf({ source }: Transfer): string {
  return source.kind === 'bytes'
    ? 'the definition'
    : `${storageName(source.place.mountId)}, ${JSON.stringify(source.path)},`;
}
