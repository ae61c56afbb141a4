/** Stages one file: copies, counts, hashes and checks it in one pass. It decides nothing about inputs. */
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageError } from '../errors.js';
import { once } from '../host/chunks.js';
import { createFile, type Digest, digestContent } from '../host/file-content.js';
import { errorCode, handlePath, openBeneath, openContent, type OpenNode } from '../host/node.js';
import type { Budget } from './budget.js';
import { callStorage, readStorage, storageName } from './storage-calls.js';
import { openStagedFolder, type Transfer } from './survey.js';

/** Readable by any user the job may have: only the mount of this one file or folder leads here. */
const FILE_MODE = 0o444;

/** Where a file is staged. */
export interface TransferContext {
  readonly inputs: OpenNode;
  /** Path of the same folder, for adapters that copy by themselves. */
  readonly inputsPath: string;
  readonly budget: Budget;
  readonly signal: AbortSignal;
}

/**
 * Stages a file.
 *
 * @throws `workspace.too_large`; `storage.failed` when size or checksum are not what the storage announced.
 */
export async function transferFile(transfer: Transfer, context: TransferContext): Promise<Digest> {
  const folder = await openStagedFolder(context.inputs, transfer.names.slice(0, -1), transfer.what);
  try {
    const digest = await receive(transfer, folder, context);
    requireAnnounced(transfer, digest);
    return digest;
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
    const problem = `the storage lists ${JSON.stringify(transfer.names.slice(1).join('/'))} twice`;
    throw new StorageError('storage.failed', `${transfer.what}: ${problem}`, { cause: error });
  } finally {
    await folder.handle.close();
  }
}

async function receive(transfer: Transfer, folder: OpenNode, context: TransferContext): Promise<Digest> {
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
  if (source.kind === 'bytes') {
    return createFile(folder.handle, name, once(source.bytes), { mode: FILE_MODE, signal, onBytes });
  }
  const { place, path } = source;
  if (place.adapter.copyTo === undefined) {
    return createFile(folder.handle, name, readStorage(place, path, signal), {
      mode: FILE_MODE,
      signal,
      onBytes,
    });
  }
  const localPath = join(context.inputsPath, ...transfer.names);
  await callStorage(place, path, signal, async () => place.adapter.copyTo?.(path, localPath, { signal }));
  return takeOver(transfer, folder, name, { signal, onBytes });
}

/** Counts and checks a file that an adapter made by itself. */
async function takeOver(
  transfer: Transfer,
  folder: OpenNode,
  name: string,
  options: { readonly signal: AbortSignal; readonly onBytes: (bytes: number) => void },
): Promise<Digest> {
  const { node } = await openBeneath(folder.handle, [name]);
  try {
    // A link would lead elsewhere; a second name of a file of the storage would let its mode be changed.
    if (node?.facts.type !== 'file' || node.facts.links !== 1) {
      throw new StorageError(
        'storage.failed',
        `${transfer.what}: the storage's copyTo did not make a file of its own`,
      );
    }
    const content = await openContent(node);
    try {
      const digest = await digestContent(content, options);
      await chmod(handlePath(node.handle), FILE_MODE);
      return digest;
    } finally {
      await content.close();
    }
  } finally {
    await node?.handle.close();
  }
}

function requireAnnounced(transfer: Transfer, digest: Digest): void {
  if (digest.sizeBytes !== transfer.sizeBytes)
    throw wrongSize(transfer, `only ${String(digest.sizeBytes)} of`);
  if (transfer.sha256 !== null && digest.sha256 !== transfer.sha256) {
    throw new StorageError(
      'storage.failed',
      `${transfer.what}: checksum mismatch: ${nameOf(transfer)} announced SHA-256 ${transfer.sha256} but gave ${digest.sha256}`,
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
