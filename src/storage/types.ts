/** The `StorageAdapter` port: where inputs come from and outputs go, as a contract. No implementation. */

/** A file or folder in a storage. */
export interface StorageEntry {
  /** Path in the storage: forward slashes, relative, no `.` or `..` segments. */
  readonly path: string;
  readonly type: 'file' | 'directory';
  /** 0 for directories. */
  readonly sizeBytes: number;
  /** Lower-case hex, where the storage knows it. */
  readonly sha256?: string | undefined;
  readonly version?: string | undefined;
}

/** Every call takes a signal; an aborted call rejects with the signal's reason. */
export interface StorageCallOptions {
  readonly signal: AbortSignal;
}

/** What a storage is told about an object. */
export interface WriteOptions extends StorageCallOptions {
  /** Exact size of the body; an adapter refuses a body of another size. */
  readonly sizeBytes: number;
  /** Lower-case hex of the body; an adapter may verify it. */
  readonly sha256: string;
  readonly contentType: string | null;
  /** False: an object that exists is left alone and the call throws `storage.exists`. */
  readonly overwrite: boolean;
  readonly metadata: Readonly<Record<string, string>>;
  /** The same for every repetition of this one write: repeating a write that was done is success. */
  readonly idempotencyKey: string;
}

/**
 * A place for files. Paths are given relative (a leading `/` is stripped by the core), validated, with forward slashes.
 * Calls for different paths may run concurrently. A failed or aborted `write` leaves no object behind, and no half of one.
 */
export interface StorageAdapter {
  /** What is at a path, or null. A folder of an object store exists if anything lies beneath it. The root (`''`) is a directory. */
  stat(path: string, options: StorageCallOptions): Promise<StorageEntry | null>;
  /**
   * Everything beneath a folder, recursively, parents before children, empty folders too; entry paths are full storage paths. Links are
   * never followed and never listed.
   * @throws `storage.not_found`.
   */
  list(prefix: string, options: StorageCallOptions): AsyncIterable<StorageEntry>;
  /**
   * The bytes of a file; breaking off releases the source.
   * @throws `storage.not_found`.
   */
  read(path: string, options: StorageCallOptions): Promise<AsyncIterable<Uint8Array>>;
  /**
   * Stores a file, making folders as needed; visible only when complete.
   * @throws `storage.exists` without `overwrite`; `storage.failed`.
   */
  write(path: string, body: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<StorageEntry>;
  /** A faster way of `read` into a new local file, where there is one. */
  copyTo?(path: string, localPath: string, options: StorageCallOptions): Promise<void>;
}
