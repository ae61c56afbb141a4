/** Publishes uploads in one transaction of their storage: stored, then committed, or taken back. */
import type { StorageTransaction } from '../storage/types.js';
import {
  finalTarget,
  type Published,
  type PublishedGroup,
  type PublishOptions,
  sendAll,
  takeBack,
  toError,
} from './publish-group.js';
import { isExists, isStored } from './send-file.js';
import { callStorage, type StoragePlace } from './storage-calls.js';
import { withRetries } from './storage-retry.js';

/**
 * Publishes all uploads or none.
 *
 * @throws the signal's reason, and what the journal throws, after what was not committed was taken back.
 */
export async function publishInTransaction(
  group: PublishedGroup,
  transactionId: string,
  options: PublishOptions,
): Promise<readonly Published[]> {
  const { uploads, place, publication } = group;
  const { signal, journal } = options;
  try {
    const transaction = await callStorage(place, null, signal, async () => begin(place, transactionId));
    const failures = await sendAll(uploads, options, (upload) => ({
      ...finalTarget(upload),
      isVisible: false,
      write: async (body, told) => transaction.write(upload.destination.path, body, told),
    }));
    signal.throwIfAborted();
    if (failures.some((failure) => failure !== null)) {
      await takeBack(group, options);
      return failures.map((failure) => ({ isThere: false, failure }));
    }
    await journal('publishing', publication);
    const failure = await commit(transaction, place, options);
    signal.throwIfAborted();
    if (failure !== null) return await afterFailedCommit(group, failure, options);
  } catch (error) {
    // After a commit that was done, aborting changes nothing.
    await takeBack(group, options);
    throw error;
  }
  await journal('published', publication);
  return uploads.map(() => ({ isThere: true, failure: null }));
}

async function begin({ adapter }: StoragePlace, transactionId: string): Promise<StorageTransaction> {
  if (adapter.begin === undefined) throw new TypeError('the adapter has no begin');
  return Promise.resolve(adapter.begin({ transactionId }));
}

async function commit(
  transaction: StorageTransaction,
  place: StoragePlace,
  options: PublishOptions,
): Promise<Error | null> {
  const { signal } = options;
  try {
    const once = async (): Promise<void> => transaction.commit({ signal });
    await withRetries(options, async () => callStorage(place, null, signal, once));
    return null;
  } catch (error) {
    return toError(error);
  }
}

/** A commit may have been done although it says it failed: what can be seen decides. What exists, though, was there before. */
async function afterFailedCommit(
  group: PublishedGroup,
  failure: Error,
  options: PublishOptions,
): Promise<readonly Published[]> {
  await takeBack(group, options);
  const seen = await Promise.all(
    group.uploads.map(async ({ file, destination: { place, path } }) =>
      options.limit(async () => {
        if (isExists(failure)) return false;
        return isStored(place, path, file.digest, options.signal).catch(() => false);
      }),
    ),
  );
  options.signal.throwIfAborted();
  return seen.map((isThere) => ({ isThere, failure: isThere ? null : failure }));
}
