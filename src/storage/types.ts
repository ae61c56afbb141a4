/** The `StorageAdapter` port: where inputs come from and outputs go, as a contract. No implementation. */

/** What is at a path of a storage. */
export interface StorageStat {
  readonly type: 'file' | 'directory';
  /** 0 for directories. */
  readonly sizeBytes: number;
  /** Lower-case hex, where the storage knows it. */
  readonly sha256?: string | undefined;
  readonly version?: string | undefined;
}

/** A file or folder in a storage. */
export interface StorageEntry extends StorageStat {
  /** Path in the storage: forward slashes, relative, no `.` or `..` segments. */
  readonly path: string;
}

/** Every call takes a signal; an aborted call rejects with the signal's reason. */
export interface StorageCallOptions {
  readonly signal: AbortSignal;
}

/** What a storage is told about a copy. */
export interface CopyToOptions extends StorageCallOptions {
  /** What `stat` or `list` announced. A file that has more by now need not be copied to its end: such a copy is refused. */
  readonly sizeBytes?: number | undefined;
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

/** Which transaction. */
export interface TransactionOptions {
  /**
   * The same for every try to publish the same objects. A transaction that a process left when it died is taken up under its id by whoever
   * begins it again: what was written to it can be committed or aborted.
   */
  readonly transactionId: string;
}

/**
 * Several objects that become visible together. `write` is called for each, at the same time for different paths, then either `commit` or
 * `abort`. What was neither committed nor aborted stays invisible for ever.
 */
export interface StorageTransaction {
  /**
   * As the adapter's `write`, but what is stored stays invisible. That an object exists may be told here or by `commit`.
   * @throws `storage.exists` without `overwrite`; `storage.failed`.
   */
  write(path: string, body: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<StorageEntry>;
  /**
   * Makes every object that was written visible, or none of them. Repeating a commit that was done, or that broke off in its middle, is
   * success in the end.
   * @throws `storage.exists` when one without `overwrite` exists by now, with everything else left invisible; `storage.failed`.
   */
  commit(options: StorageCallOptions): Promise<void>;
  /** Gives up what was not committed and keeps nothing of it. Idempotent; after a commit it changes nothing. */
  abort(options: StorageCallOptions): Promise<void>;
}

/**
 * A place for files. Paths are given relative (a leading `/` is stripped by the core), validated, with forward slashes.
 * Calls for different paths may run concurrently. A failed or aborted `write` leaves no object behind, no half of one and no folder made for
 * it; until an object is visible, neither are the folders that come with it.
 */
export interface StorageAdapter {
  /** What is at a path, or null. A folder of an object store exists if anything lies beneath it. The root (`''`) is a directory. */
  stat(path: string, options: StorageCallOptions): Promise<StorageStat | null>;
  /**
   * Everything beneath a folder, recursively, parents before children, empty folders too; entry paths are full storage paths. Links are
   * never followed and never listed.
   * @throws `storage.not_found`.
   */
  list(prefix: string, options: StorageCallOptions): AsyncIterable<StorageEntry>;
  /**
   * The bytes of a file: as many as `stat` or `list` announced. Breaking off releases the source. The memory of a chunk may be used again for the next.
   * @throws `storage.not_found`.
   */
  read(path: string, options: StorageCallOptions): Promise<AsyncIterable<Uint8Array>>;
  /**
   * Stores a file, making folders as needed; visible only when complete.
   * @throws `storage.exists` without `overwrite`; `storage.failed`.
   */
  write(path: string, body: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<StorageEntry>;
  /** Begins, or takes up, the publication of several objects at once. It stores nothing yet. */
  begin?(options: TransactionOptions): StorageTransaction;
  /**
   * Removes a file. Where nothing is, that is success. Without it and without `begin`, objects of one run become visible one by one.
   */
  remove?(path: string, options: StorageCallOptions): Promise<void>;
  /**
   * A faster way of `read` into a new local file, where there is one. What is at `localPath` already is neither replaced nor followed, and the new
   * file shares nothing with the storage's own: it is no link, and not a second name of it. What fails or is aborted leaves no file behind.
   * @throws `storage.not_found`, also for a folder; `storage.failed`.
   */
  copyTo?(path: string, localPath: string, options: CopyToOptions): Promise<void>;
}
