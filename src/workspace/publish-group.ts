/** What publishing in one storage is made of, whichever way it is done: sending, and leaving nothing unfinished behind. */
import { JobRuntimeError, StorageError } from '../errors.js';
import { withinTime } from '../host/time-limit.js';
import type { Publication } from '../run-store/types.js';
import type { StorageEntry, WriteOptions } from '../storage/types.js';
import type { Destination } from './destination.js';
import type { FoundFile } from './found-file.js';
import { type PublicationJournal, type SettleOptions, withdrawPublication } from './publication.js';
import { type ObjectTarget, sendFile } from './send-file.js';
import { storageName, type StoragePlace } from './storage-calls.js';
import type { RetryOptions } from './storage-retry.js';

/** One file and where it goes. */
export interface Upload {
  readonly file: FoundFile;
  readonly destination: Destination;
}

/** What became of one upload. */
export interface Published {
  /** It can be seen in its storage. */
  readonly isThere: boolean;
  /** Its own failure; null also where only another one of the same storage failed. */
  readonly failure: Error | null;
}

/** How uploads are published. */
export interface PublishOptions extends RetryOptions {
  readonly variables: { readonly runId: string; readonly attempt: number; readonly startedAt: string };
  /** Told to the storage with each object. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Runs a transfer when it is its turn. */
  readonly limit: <T>(work: () => Promise<T>) => Promise<T>;
  readonly journal: PublicationJournal;
  readonly onWarning: (message: string) => void;
}

/** Uploads that become visible together. */
export interface PublishedGroup {
  readonly uploads: readonly Upload[];
  readonly place: StoragePlace;
  readonly publication: Publication;
}

/** Taking back has a signal of its own: it is what is left to do when the other one was aborted. */
const CLEAN_UP_MS = 30_000;

/** Where an upload is stored. */
export type TargetOf = (upload: Upload, index: number) => Omit<ObjectTarget, 'metadata'>;

/** The place an upload is for. */
export const finalTarget = ({ destination }: Pick<Upload, 'destination'>): ReturnType<TargetOf> => ({
  ...destination,
  isVisible: true,
  write: async (body: AsyncIterable<Uint8Array>, told: WriteOptions): Promise<StorageEntry> =>
    destination.place.adapter.write(destination.path, body, told),
});

/** Sends every upload and gives its failure, or null. All are tried, so that all problems are known at once. Never rejects. */
export async function sendAll(
  uploads: readonly Upload[],
  options: PublishOptions,
  targetOf: TargetOf,
): Promise<readonly (Error | null)[]> {
  return Promise.all(
    uploads.map(async (upload, index) =>
      options.limit(async () => {
        try {
          await sendFile(upload.file, { ...targetOf(upload, index), metadata: options.metadata }, options);
          return null;
        } catch (error) {
          return toError(error);
        }
      }),
    ),
  );
}

/** Takes back what cannot be seen yet. */
export async function takeBack(group: PublishedGroup, options: PublishOptions): Promise<void> {
  await cleanUp(group, options, 'withdrawn', async (settle) =>
    withdrawPublication(group.publication, settle),
  );
}

/** Leaves nothing unfinished behind, or says so: then the journal still has the publication, and whoever reads it can try again. */
export async function cleanUp(
  { place, publication }: PublishedGroup,
  options: PublishOptions,
  step: 'published' | 'withdrawn',
  work: (settle: SettleOptions) => Promise<void>,
): Promise<void> {
  try {
    await withinTime(CLEAN_UP_MS, async (signal) =>
      work({ adapter: place.adapter, pause: options.pause, signal }),
    );
  } catch (error) {
    const problem = toError(error).message;
    options.onWarning(`unfinished objects may be left in ${storageName(place.mountId)}: ${problem}`);
    return;
  }
  await options.journal(step, publication);
}

/** Whatever was thrown, as an error. */
export function toError(error: unknown): Error {
  if (JobRuntimeError.isInstance(error) || error instanceof Error) return error;
  return new StorageError('storage.failed', String(error));
}
