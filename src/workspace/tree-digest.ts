/** One hash for all files of a folder, whatever order they came in. It reads no file. */
import { jsonHash } from '../base/json-hash.js';
import type { Content } from '../host/file-content.js';

/** A file by its path beneath the folder. */
export interface TreeFile extends Content {
  readonly path: string;
}

/**
 * Lower-case hex SHA-256 of the canonical JSON of `[path, sizeBytes, sha256]` of every file, ordered by the UTF-16 code units of their paths; null
 * where a file was not hashed.
 */
export function treeDigest(files: readonly TreeFile[]): string | null {
  if (files.some(({ sha256 }) => sha256 === null)) return null;
  const ordered = [...files].sort((one, other) => (one.path < other.path ? -1 : 1));
  return jsonHash(ordered.map(({ path, sizeBytes, sha256 }) => [path, sizeBytes, sha256]));
}
