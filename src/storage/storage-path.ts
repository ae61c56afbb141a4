/** Checks the paths adapters of ours are called with. The core checks them too; an adapter may be used without it. */
import { StorageError } from '../errors.js';

/**
 * Splits a storage path into its names; the root `''` has none. A leading slash is tolerated.
 *
 * @throws `storage.failed` for a path that could lead out of the storage.
 */
export function storageNames(path: string): readonly string[] {
  const relative = path.startsWith('/') ? path.slice(1) : path;
  if (relative === '') return [];
  const names = relative.split('/');
  if (relative.includes('\0') || names.some((name) => name === '' || name === '.' || name === '..')) {
    throw new StorageError(
      'storage.failed',
      `${JSON.stringify(path)} is not a path in a storage: empty, "." and ".." segments are not allowed`,
    );
  }
  return names;
}

/** The error for a path at which there is no file, or no folder. */
export function notFound(what: 'file' | 'folder', path: string): StorageError {
  return new StorageError('storage.not_found', `there is no ${what} at ${JSON.stringify(path)}`);
}

/** The error for an object that must not be replaced. */
export function alreadyExists(path: string): StorageError {
  return new StorageError('storage.exists', `there is an object at ${JSON.stringify(path)} already`, {
    hint: 'set overwrite, or put ${runId} into the path template',
  });
}
