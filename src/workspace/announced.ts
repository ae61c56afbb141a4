/** Holds what is given of a file against what was announced of it. It reads nothing. */
import { StorageError } from '../errors.js';
import type { Content } from '../host/file-content.js';
import { storageName } from './storage-calls.js';
import type { Transfer } from './survey.js';

/**
 * Counts the bytes of a file, told of each chunk before it is used: a body without end is stopped at what was announced, not at the limit.
 *
 * @throws what `count` throws; `storage.failed` for more than was announced.
 */
export function countAnnounced(transfer: Transfer, count: (bytes: number) => void): (bytes: number) => void {
  let received = 0;
  return (bytes) => {
    count(bytes);
    received += bytes;
    if (received > transfer.sizeBytes) throw wrongSize(transfer, `more than`);
  };
}

/**
 * Makes sure that a file that was read to its end is the one that was announced.
 *
 * @throws `storage.failed`.
 */
export function requireAnnounced(transfer: Transfer, content: Content): void {
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
