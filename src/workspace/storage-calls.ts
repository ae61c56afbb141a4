/** Guards calls to adapters others wrote: they may hang, throw anything and answer anything. It stores and reads nothing itself. */
import { JobRuntimeError, StorageError } from '../errors.js';
import { abortable, bytesOf, hasOwnChunks, interruptible } from '../host/chunks.js';
import type { StorageAdapter, StorageEntry, StorageStat } from '../storage/types.js';

/** Where an adapter is called, for messages. */
export interface StoragePlace {
  readonly adapter: StorageAdapter;
  /** Null: the caller's own. */
  readonly mountId: string | null;
  /** What the call is for, for example `input "words"`. */
  readonly purpose: string;
}

/**
 * One call that settles when the signal is aborted and throws only berthkit's errors or the signal's reason.
 *
 * @throws `storage.*` as the adapter says; `storage.failed` for anything else it throws.
 */
export async function callStorage<T>(
  place: StoragePlace,
  path: string | null,
  signal: AbortSignal,
  call: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  try {
    // Within a promise, so that an adapter that throws at once is no different.
    return await abortable(Promise.resolve().then(call), signal);
  } catch (error) {
    throw toStorageError(place, path, signal, error);
  }
}

/** What is at a path, checked; null also when the adapter throws `storage.not_found`. */
export async function statStorage(
  place: StoragePlace,
  path: string,
  signal: AbortSignal,
): Promise<StorageStat | null> {
  try {
    const entry = await callStorage(place, path, signal, () => place.adapter.stat(path, { signal }));
    if (entry === null) return null;
    requireEntry(place, path, statProblem(entry));
    return entry;
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

/** The entries of a folder, each checked for its type and size; their paths are not checked. */
export async function* listStorage(
  place: StoragePlace,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<StorageEntry, void, undefined> {
  try {
    for await (const entry of interruptible(place.adapter.list(path, { signal }), signal)) {
      requireEntry(place, path, entryProblem(entry));
      yield entry;
    }
  } catch (error) {
    throw toStorageError(place, path, signal, error);
  }
}

/** The bytes of a file. What it gives may be used until the next chunk is asked for, or with `keeps` for ever. */
export async function* readStorage(
  place: StoragePlace,
  path: string,
  signal: AbortSignal,
  { keeps = false }: { readonly keeps?: boolean } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const body = await callStorage(place, path, signal, () => place.adapter.read(path, { signal }));
  const isCopied = keeps && !hasOwnChunks(body);
  try {
    for await (const chunk of bytesOf(body, signal)) yield isCopied ? Buffer.from(chunk) : chunk;
  } catch (error) {
    throw toStorageError(place, path, signal, error);
  }
}

/** True for an adapter's word that there is nothing. */
export function isNotFound(error: unknown): boolean {
  return JobRuntimeError.isInstance(error) && error.code === 'storage.not_found';
}

/** The storage's name in messages. */
export function storageName(mountId: string | null): string {
  return mountId === null ? 'the storage given as outputTo' : `storage "${mountId}"`;
}

/** What keeps an answer, which may be anything, from saying what is at a path; null if nothing does. */
function statProblem(given: unknown): string | null {
  if (typeof given !== 'object' || given === null) return 'it is no object';
  const { type, sizeBytes } = given as { readonly type?: unknown; readonly sizeBytes?: unknown };
  if (type === 'directory') return null;
  if (type !== 'file') return 'its type is neither "file" nor "directory"';
  return Number.isSafeInteger(sizeBytes) && Number(sizeBytes) >= 0
    ? null
    : 'its sizeBytes is no whole number of 0 or more';
}

/** The same of an entry of a list. */
function entryProblem(given: unknown): string | null {
  const problem = statProblem(given);
  const { path } = Object(given) as { readonly path?: unknown };
  return problem ?? (typeof path === 'string' ? null : 'its path is no text');
}

function requireEntry(place: StoragePlace, path: string, problem: string | null): void {
  if (problem === null) return;
  const where = `${storageName(place.mountId)} gave a wrong entry for ${JSON.stringify(path)}`;
  throw new StorageError('storage.failed', `${place.purpose}: ${where}: ${problem}`);
}

function toStorageError(
  place: StoragePlace,
  path: string | null,
  signal: AbortSignal,
  error: unknown,
): unknown {
  if (signal.aborted) return signal.reason;
  // Errors of other kinds are ours, thrown by a limit on the way.
  if (JobRuntimeError.isInstance(error) && error.kind !== 'storage') return error;
  const code = JobRuntimeError.isInstance(error) && error.kind === 'storage' ? error.code : 'storage.failed';
  const hint = JobRuntimeError.isInstance(error) ? error.hint : undefined;
  const problem = error instanceof Error ? error.message : String(error);
  const message = problem.startsWith(place.purpose)
    ? problem
    : `${place.purpose}: ${storageName(place.mountId)}${path === null ? '' : `, ${JSON.stringify(path)}`}: ${problem}`;
  return new StorageError(code, message, { cause: error, hint });
}
