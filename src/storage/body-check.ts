/** Compares a stored body with what its writer announced. It stores nothing. */
import { StorageError } from '../errors.js';
import type { Digest } from '../host/file-content.js';

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
