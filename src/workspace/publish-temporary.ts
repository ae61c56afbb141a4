/** Publishes uploads in a storage without transactions: stored under temporary names first, then under their own, then the former removed. */
import { StorageError } from '../errors.js';
import type { Publication } from '../run-store/types.js';
import { removeObject, removeTemporary } from './publication.js';
import {
  cleanUp,
  finalTarget,
  type Published,
  type PublishedGroup,
  type PublishOptions,
  sendAll,
  takeBack,
  type TargetOf,
  toError,
  type Upload,
} from './publish-group.js';
import { isStored } from './send-file.js';
import { statStorage, storageName } from './storage-calls.js';

interface Look {
  readonly wasThere: boolean;
  readonly failure: Error | null;
}

/**
 * Publishes all uploads or none, but for one thing: an object that was replaced before another one failed stays replaced. Nothing is visible
 * before the storage has taken everything once and is known to have nothing that may not be replaced.
 *
 * @throws the signal's reason, and what the journal throws, after what can be taken back was.
 */
export async function publishByTemporaryObjects(
  group: PublishedGroup,
  options: PublishOptions,
): Promise<readonly Published[]> {
  const { uploads, publication } = group;
  const { signal } = options;
  const looks = await storeTemporary(group, options);
  if (looks === null || looks.some(({ failure }) => failure !== null)) {
    await takeBack(group, options);
    signal.throwIfAborted();
    return (looks ?? []).map(({ failure }) => ({ isThere: false, failure }));
  }
  await options.journal('publishing', publication);
  // From the workspace once more: whatever came between could only have made it worse.
  const failures = await sendAll(uploads, options, finalTarget);
  if (failures.every((failure) => failure === null)) {
    await cleanUp(group, options, 'published', async (settle) => removeTemporary(publication, settle));
    return uploads.map(() => ({ isThere: true, failure: null }));
  }
  const staying = await removeAgain(group, failures, looks, options);
  signal.throwIfAborted();
  return failures.map((failure, index) => ({ isThere: staying.has(index), failure }));
}

/** Has every object in the storage, unseen; then looks at the places they are for. Null when it was broken off. */
async function storeTemporary(
  { uploads, publication }: PublishedGroup,
  options: PublishOptions,
): Promise<readonly Look[] | null> {
  const failures = await sendAll(uploads, options, temporaryTarget(publication));
  if (options.signal.aborted) return null;
  if (failures.some((failure) => failure !== null)) {
    return failures.map((failure) => ({ wasThere: false, failure }));
  }
  return Promise.all(
    uploads.map(async (upload) => options.limit(async () => lookAt(upload, options.signal))),
  );
}

const temporaryTarget =
  ({ objects }: Publication): TargetOf =>
  ({ destination }, index) => {
    const path = objects[index]?.temporaryPath ?? destination.path;
    const idempotencyKey = `${destination.idempotencyKey}/temporary`;
    // Nobody else has this name, so what stands there is of an earlier try.
    return finalTarget({ destination: { ...destination, path, idempotencyKey, overwrite: true } });
  };

async function lookAt({ destination }: Upload, signal: AbortSignal): Promise<Look> {
  const { place, path, overwrite } = destination;
  try {
    const wasThere = (await statStorage(place, path, signal)) !== null;
    if (overwrite || !wasThere) return { wasThere, failure: null };
    const where = `${storageName(place.mountId)}, ${JSON.stringify(path)}`;
    const failure = new StorageError(
      'storage.exists',
      `${place.purpose}: ${where}: there is an object already`,
      { hint: 'set overwrite, or put ${runId} into the path template' },
    );
    return { wasThere, failure };
  } catch (error) {
    return { wasThere: true, failure: toError(error) };
  }
}

/**
 * Removes what of this run became visible before another of its objects could not, and gives what stays: what was replaced cannot be had back.
 * A write that failed may still have been done, so its place is looked at, too.
 */
async function removeAgain(
  group: PublishedGroup,
  failures: readonly (Error | null)[],
  looks: readonly Look[],
  options: PublishOptions,
): Promise<ReadonlySet<number>> {
  const staying = new Set<number>();
  await cleanUp(group, options, 'withdrawn', async (settle) => {
    for (const [index, { file, destination }] of group.uploads.entries()) {
      const { place, path } = destination;
      const isThere = failures[index] === null || (await isStored(place, path, file.digest, settle.signal));
      if (!isThere) continue;
      staying.add(index);
      if (looks[index]?.wasThere !== false) continue;
      await removeObject(place, path, settle);
      staying.delete(index);
    }
    await removeTemporary(group.publication, settle);
  });
  return staying;
}
