/** A publication of several objects as data: enough to finish it, or to take it back, after the process that began it died. */
import { nodeCrypto } from '../base/node-crypto.js';
import { StorageError } from '../errors.js';
import type { Publication, PublicationStep } from '../run-store/types.js';
import type { StorageAdapter } from '../storage/types.js';
import { isStored, type ObjectTarget, storeBody } from './send-file.js';
import { callStorage, readStorage, type StoragePlace } from './storage-calls.js';
import { type RetryOptions, withRetries } from './storage-retry.js';

/** Hears each step of each publication and is awaited, so that what it writes down is there before anything is done. */
export type PublicationJournal = (step: PublicationStep, publication: Publication) => Promise<void>;

/** The id of what one attempt of a run publishes in one storage. */
export function publicationId(
  variables: { readonly runId: string; readonly attempt: number; readonly startedAt: string },
  mountId: string | null,
): string {
  const parts = [variables.runId, variables.attempt, variables.startedAt, mountId];
  return nodeCrypto().createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

/** Where the bytes of an object stand before it is published: beside its place, so that whoever may write there may write it too. */
export function temporaryPathOf(path: string, id: string, index: number): string {
  const folder = path.slice(0, path.lastIndexOf('/') + 1);
  return `${folder}${TEMPORARY}${id}-${String(index)}`;
}

const TEMPORARY = '.berthkit-temporary-';

/** Whether bytes that are not published yet stand there; or never will be, where a process died. */
export function isTemporaryPath(path: string): boolean {
  return path.slice(path.lastIndexOf('/') + 1).startsWith(TEMPORARY);
}

/** What finishing and taking back need beside the publication. */
export interface SettleOptions extends RetryOptions {
  readonly adapter: StorageAdapter;
}

/**
 * Finishes a publication that got as far as `publishing`: commits its transaction, or stores each object from its temporary one where it is
 * not there yet. Repeating it is success.
 *
 * @throws `storage.*`; the signal's reason. Then it can be tried again.
 */
export async function finishPublication(publication: Publication, options: SettleOptions): Promise<void> {
  const place = placeOf(publication, options);
  const { adapter, signal } = options;
  if (publication.transactionId !== null) {
    await endTransaction(place, publication.transactionId, 'commit', options);
    return;
  }
  for (const { path, temporaryPath, sizeBytes, sha256, ...announced } of publication.objects) {
    const digest = { sizeBytes, sha256 };
    if (temporaryPath === null || (await isStored(place, path, digest, signal))) continue;
    const target: ObjectTarget = {
      ...announced,
      ...{ metadata: publication.metadata, place, path, isVisible: true },
      write: async (body, told) => adapter.write(path, body, told),
    };
    await withRetries(options, async (tries) =>
      storeBody(readStorage(place, temporaryPath, signal), digest, target, tries, signal),
    );
  }
  await removeTemporary(publication, options);
}

/**
 * Takes back a publication that got no further than `storing`: nothing of it was visible, and nothing of it is left. Repeating it is success.
 *
 * @throws `storage.*`; the signal's reason. Then it can be tried again.
 */
export async function withdrawPublication(publication: Publication, options: SettleOptions): Promise<void> {
  const { transactionId } = publication;
  if (transactionId === null) await removeTemporary(publication, options);
  else await endTransaction(placeOf(publication, options), transactionId, 'abort', options);
}

/** Removes the temporary objects of a publication. */
export async function removeTemporary(publication: Publication, options: SettleOptions): Promise<void> {
  const paths = publication.objects.flatMap(({ temporaryPath }) => temporaryPath ?? []);
  for (const path of paths) await removeObject(placeOf(publication, options), path, options);
}

/** Removes one object, with retries. */
export async function removeObject(place: StoragePlace, path: string, options: RetryOptions): Promise<void> {
  const { signal } = options;
  await withRetries(options, async () =>
    callStorage(place, path, signal, async () => {
      if (place.adapter.remove === undefined) throw cannot('remove');
      await place.adapter.remove(path, { signal });
    }),
  );
}

async function endTransaction(
  place: StoragePlace,
  transactionId: string,
  end: 'commit' | 'abort',
  options: SettleOptions,
): Promise<void> {
  const { signal } = options;
  await withRetries(options, async () =>
    callStorage(place, null, signal, async () => {
      if (place.adapter.begin === undefined) throw cannot('begin');
      await place.adapter.begin({ transactionId })[end]({ signal });
    }),
  );
}

/** The adapter may be another than the one that the process that died had. */
const cannot = (method: string): StorageError =>
  new StorageError('storage.failed', `the adapter has no ${method}, which it had when the run published`);

const placeOf = ({ mountId }: Publication, { adapter }: SettleOptions): StoragePlace => ({
  adapter,
  mountId,
  purpose: 'outputs',
});
