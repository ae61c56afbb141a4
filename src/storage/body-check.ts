/** Compares a stored body with what its writer announced. It stores nothing. */
import { nodeCrypto } from '../base/node-crypto.js';
import { StorageError } from '../errors.js';
import { bytesOf } from '../host/chunks.js';
import type { Digest } from '../host/file-content.js';
import type { WriteOptions } from './types.js';

/**
 * The body of a write as it was announced, or none: for adapters that store a stream. Throws as soon as there is too much, at the end
 * when there was too little or the SHA-256 is another, and the signal's reason once that is aborted, also while the body hangs.
 *
 * @throws `storage.failed` while it is read.
 */
export async function* announcedBody(
  path: string,
  body: AsyncIterable<Uint8Array>,
  announced: Pick<WriteOptions, 'sizeBytes' | 'sha256' | 'signal'>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = nodeCrypto().createHash('sha256');
  const count = stopBeyond(path, announced.sizeBytes);
  let sizeBytes = 0;
  for await (const chunk of bytesOf(body, announced.signal)) {
    count(chunk.byteLength);
    sizeBytes += chunk.byteLength;
    hash.update(chunk);
    yield chunk;
  }
  requireAnnounced(path, { sizeBytes, sha256: hash.digest('hex') }, announced);
}

/**
 * Refuses a body that is not what was announced.
 *
 * @throws `storage.failed`.
 */
export function requireAnnounced(path: string, found: Digest, announced: Digest): void {
  if (found.sizeBytes !== announced.sizeBytes) {
    const sizes = `${String(found.sizeBytes)} bytes instead of ${String(announced.sizeBytes)}`;
    throw new StorageError('storage.failed', `the body for ${JSON.stringify(path)} has ${sizes}`);
  }
  if (found.sha256 !== announced.sha256) {
    throw new StorageError(
      'storage.failed',
      `the body for ${JSON.stringify(path)} has another SHA-256 than announced`,
    );
  }
}

/**
 * Gives a counter that stops a body as soon as it is longer than announced.
 *
 * @throws `storage.failed` from the counter.
 */
export function stopBeyond(path: string, sizeBytes: number): (bytes: number) => void {
  let total = 0;
  return (bytes) => {
    total += bytes;
    if (total > sizeBytes) {
      const problem = `the body for ${JSON.stringify(path)} is longer than the announced ${String(sizeBytes)} bytes`;
      throw new StorageError('storage.failed', problem);
    }
  };
}
