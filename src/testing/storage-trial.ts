/** What each case of `storageConformance` gets: a storage, a folder of its own in it, and the usual steps. */
import { createHash, randomUUID } from 'node:crypto';
import type { StorageAdapter, StorageEntry, StorageStat, WriteOptions } from '../storage/types.js';
import { checkEqual, within, type CaseOf } from './conformance-case.js';

/** What `storageConformance` tests. It need not be empty: every case keeps to a new folder. */
export interface StorageUnderTest {
  readonly storage: StorageAdapter;
  /** Called when the case is over. */
  cleanup?(): Promise<void>;
}

/** The means of one case. Every step is bounded in time. */
export interface StorageTrial {
  readonly storage: StorageAdapter;
  /** A path in this case's own folder; the folder itself without a name. */
  readonly at: (name?: string) => string;
  readonly within: <T>(what: string, work: Promise<T>) => Promise<T>;
  readonly stat: (path: string) => Promise<StorageStat | null>;
  readonly list: (prefix: string) => Promise<readonly StorageEntry[]>;
  readonly read: (path: string) => Promise<Buffer>;
  readonly write: (
    path: string,
    content: string | Uint8Array,
    options?: Partial<WriteOptions>,
  ) => Promise<StorageEntry>;
  /** Writes a body of the case's own making; size and hash announced are those of `content`. */
  readonly writeBody: (
    path: string,
    body: AsyncIterable<Uint8Array>,
    content: string | Uint8Array,
    options?: Partial<WriteOptions>,
  ) => Promise<StorageEntry>;
  /** Fails unless there is nothing at the path and nothing of that name, finished or not, in the folder. */
  readonly checkNothing: (path: string) => Promise<void>;
}

/** A case of the suite. */
export const storageCase = (name: string, body: CaseOf<StorageTrial>['body']): CaseOf<StorageTrial> => ({
  name,
  body,
});

/** The chunks as a body; an error among them is thrown there. */
export async function* bodyOf(
  ...chunks: readonly (string | Uint8Array | Error)[]
): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    await Promise.resolve();
    if (chunk instanceof Error) throw chunk;
    yield Buffer.from(chunk);
  }
}

/** A signal that is never aborted. */
export const unaborted = (): AbortSignal => new AbortController().signal;

/** Makes a trial. */
export function createStorageTrial(storage: StorageAdapter, timeoutMs: number): StorageTrial {
  const folder = `berthkit-conformance-${randomUUID()}`;
  const bounded: StorageTrial['within'] = (what, work) => within(timeoutMs, what, work);

  const collect = async (prefix: string): Promise<readonly StorageEntry[]> => {
    const entries: StorageEntry[] = [];
    for await (const entry of storage.list(prefix, { signal: unaborted() })) entries.push(entry);
    return entries;
  };
  const readAll = async (path: string): Promise<Buffer> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of await storage.read(path, { signal: unaborted() }))
      chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  };

  const trial: StorageTrial = {
    storage,
    within: bounded,
    at: (name) => (name === undefined ? folder : `${folder}/${name}`),
    stat: (path) => bounded('stat', storage.stat(path, { signal: unaborted() })),
    list: (prefix) => bounded('list', collect(prefix)),
    read: (path) => bounded('read', readAll(path)),
    write: (path, content, options) => trial.writeBody(path, bodyOf(content), content, options),
    writeBody: (path, body, content, options = {}) =>
      bounded(
        'write',
        storage.write(path, body, {
          sizeBytes: Buffer.byteLength(content),
          sha256: createHash('sha256').update(content).digest('hex'),
          contentType: null,
          overwrite: false,
          metadata: {},
          idempotencyKey: randomUUID(),
          signal: unaborted(),
          ...options,
        }),
      ),
    async checkNothing(path) {
      checkEqual(await trial.stat(path), null, `stat of ${path}, where nothing may be`);
      const exists = (await trial.stat(folder)) !== null;
      const left = (exists ? await trial.list(folder) : []).filter(({ type }) => type === 'file');
      checkEqual(left, [], 'files in the folder, where none may be');
    },
  };
  return trial;
}
