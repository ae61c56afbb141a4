/** What a result says of files: inputs, what callers gave, outputs, and secrets found in them. Data only. */

/** What became of one declared input. */
export interface InputReport {
  readonly id: string | null;
  readonly workspacePath: string;
  readonly mountPath: string | null;
  readonly state: 'staged' | 'skipped';
  readonly type: 'file' | 'directory' | null;
  readonly files: number;
  readonly sizeBytes: number;
  /**
   * Hex SHA-256: of a file its bytes'; of a folder that of the canonical JSON (RFC 8785) of `[path, sizeBytes, sha256]` of every file in it, ordered by
   * path. Null for skipped inputs, and with `inputs.sha256` off where the storage does not announce it.
   */
  readonly sha256: string | null;
}

/** What the caller gave with the run, beside its definition. */
export interface GivenReport {
  /** The option `files`, in its order, as it was put into the workspace. */
  readonly files: readonly GivenFile[];
  /**
   * Standard input, also the definition's. Null where there was none; its fields are null where it came from a file or a stream and the job ended
   * before it was read to its end.
   */
  readonly stdin: { readonly sizeBytes: number | null; readonly sha256: string | null } | null;
}

/** One of the caller's `files`. */
export interface GivenFile {
  readonly workspacePath: string;
  readonly type: 'file' | 'directory';
  readonly files: number;
  readonly sizeBytes: number;
  /** As that of an input. */
  readonly sha256: string | null;
}

/** One collected file. */
export interface OutputFile {
  /** Path in the workspace. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Where it was stored; `backendMountId` is null for outputs handed to the caller. */
  readonly uploaded: { readonly backendMountId: string | null; readonly path: string } | null;
}

/** What became of one declared output. */
export interface OutputReport {
  readonly id: string | null;
  readonly workspacePath: string;
  /** What it is; null where nothing is there or what is there is neither. */
  readonly type: 'file' | 'directory' | 'glob' | null;
  /** `skipped`: missing and optional, or not asked for after this end of the job. `failed`: not all of it is stored, or collecting was broken off before. */
  readonly state: 'uploaded' | 'missing' | 'skipped' | 'rejected' | 'failed';
  /** By path; for names that are no acceptable path, percent-escaped. */
  readonly files: readonly OutputFile[];
  /** What lay within and was left out. */
  readonly skipped: readonly SkippedEntry[];
}

/** A link, FIFO, socket or device among the files of an output. */
export interface SkippedEntry {
  /** Path in the workspace. */
  readonly path: string;
  readonly type: 'symlink' | 'fifo' | 'socket' | 'device';
}

/** A secret of the run that turned up where it does not belong. It is named and never repeated. */
export interface SecretLeak {
  /** Its reference, `source:key`, with `@version` where one is asked for. */
  readonly secret: string;
  /**
   * Where it was found, in any of the forms that are masked: in what the job wrote to `stdout` or `stderr`, which left masked; in an `output`, a
   * file of it or the file's name, which is stored as it is unless `policy.secrets.onLeak` is `block`; in the `result`, in a text that identifies
   * the run and is therefore not masked.
   */
  readonly place: 'stdout' | 'stderr' | 'output' | 'result';
  /** Of an `output` the path in the workspace of the first file that holds it, of the `result` the field, for example `jobSlug`; else null. */
  readonly path: string | null;
}
