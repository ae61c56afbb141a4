/** Sends one verified file to a storage, and makes sure that what was sent is what was verified. Where it goes is decided elsewhere. */
import { nodeCrypto } from '../base/node-crypto.js';
import { JobRuntimeError, StorageError } from '../errors.js';
import { type Digest, digestContent, readContent } from '../host/file-content.js';
import type { StorageEntry, WriteOptions } from '../storage/types.js';
import { ChangedError, type FoundFile } from './found-file.js';
import { callStorage, readStorage, statStorage, storageName, type StoragePlace } from './storage-calls.js';
import { type RetryOptions, withRetries } from './storage-retry.js';

/** Where one object is stored. */
export interface ObjectTarget extends Pick<
  WriteOptions,
  'contentType' | 'overwrite' | 'metadata' | 'idempotencyKey'
> {
  readonly place: StoragePlace;
  readonly path: string;
  /** Stores a body at the path: the adapter's own `write`, or that of a transaction. */
  readonly write: (body: AsyncIterable<Uint8Array>, options: WriteOptions) => Promise<StorageEntry>;
  /** What was written can be seen at the path at once: false within a transaction. */
  readonly isVisible: boolean;
}

/**
 * Stores a file of the workspace, with retries.
 *
 * @throws `storage.*`, also when the file is not what was verified any more; the signal's reason.
 */
export async function sendFile(file: FoundFile, target: ObjectTarget, options: RetryOptions): Promise<void> {
  const { signal } = options;
  const { digest } = file;
  try {
    await withRetries(options, async (tries) => {
      const content = await file.open();
      const changed: { error: ChangedError | null } = { error: null };
      let sent = 0;
      const onBytes = (bytes: number): void => {
        sent += bytes;
        if (sent > digest.sizeBytes) throw (changed.error = new ChangedError());
      };
      try {
        await storeBody(readContent(content, { signal, onBytes }), digest, target, tries, signal);
        // An adapter need not verify what it stores, and something on this host may still write to the file.
        if (await file.isUnchanged(content)) return;
        const after = await digestContent(content, { signal });
        if (after.sha256 !== digest.sha256) throw new ChangedError();
      } catch (error) {
        throw changed.error ?? error;
      } finally {
        await content.close();
      }
    });
  } catch (error) {
    if (!(error instanceof ChangedError)) throw error;
    const name = file.relativePath === '' ? '' : `: ${JSON.stringify(file.relativePath)}`;
    throw new StorageError('storage.failed', `${target.place.purpose}${name} changed while it was uploaded`);
  }
}

/**
 * Stores a body of a known digest once.
 *
 * @throws `storage.*`, also when the storage confirms another size or hash than it was given; the signal's reason.
 */
export async function storeBody(
  body: AsyncIterable<Uint8Array>,
  digest: Digest,
  target: ObjectTarget,
  tries: number,
  signal: AbortSignal,
): Promise<void> {
  const { place, path, contentType, overwrite, metadata, idempotencyKey, write, isVisible } = target;
  const options = { ...digest, contentType, overwrite, metadata, idempotencyKey, signal };
  try {
    const entry = await callStorage(place, path, signal, () => write(body, options));
    requireConfirmed(target, entry, digest);
  } catch (error) {
    // An earlier try may have stored it although its answer was lost, in a storage that forgot the key.
    const mayBeOurs = tries > 1 && isVisible && isExists(error);
    if (!mayBeOurs || !(await isStored(place, path, digest, signal))) throw error;
  }
}

/** True if exactly these bytes are at the path; read, where the storage does not tell their hash. */
export async function isStored(
  place: StoragePlace,
  path: string,
  digest: Digest,
  signal: AbortSignal,
): Promise<boolean> {
  const entry = await statStorage(place, path, signal);
  if (entry?.type !== 'file' || entry.sizeBytes !== digest.sizeBytes) return false;
  if (entry.sha256 !== undefined) return entry.sha256.toLowerCase() === digest.sha256;
  const hash = nodeCrypto().createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of readStorage(place, path, signal)) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > digest.sizeBytes) return false;
    hash.update(chunk);
  }
  return hash.digest('hex') === digest.sha256;
}

/** True for an adapter's word that an object is there already. */
export function isExists(error: unknown): boolean {
  return JobRuntimeError.isInstance(error) && error.code === 'storage.exists';
}

function requireConfirmed({ place, path }: ObjectTarget, entry: unknown, digest: Digest): void {
  const { sizeBytes, sha256 } = toConfirmation(entry);
  const isOther = typeof sha256 === 'string' && sha256.toLowerCase() !== digest.sha256;
  if (sizeBytes === digest.sizeBytes && !isOther) return;
  const stored = isOther ? 'bytes of another SHA-256' : `${String(sizeBytes)} bytes`;
  throw new StorageError(
    'storage.failed',
    `${place.purpose}: ${storageName(place.mountId)}, ${JSON.stringify(path)}: it stored ${stored} instead of ${String(digest.sizeBytes)}`,
  );
}

function toConfirmation(entry: unknown): { readonly sizeBytes?: unknown; readonly sha256?: unknown } {
  return typeof entry === 'object' && entry !== null ? entry : {};
}
