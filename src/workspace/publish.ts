/** Publishes the files of a run's outputs that go to one storage: all of them or none, where the storage can. It finds and judges none. */
import type { Publication } from '../run-store/types.js';
import { publicationId, temporaryPathOf } from './publication.js';
import { finalTarget, type Published, type PublishOptions, sendAll, type Upload } from './publish-group.js';
import { publishByTemporaryObjects } from './publish-temporary.js';
import { publishInTransaction } from './publish-transaction.js';

/**
 * Publishes what goes to one storage: in a transaction where it has them, by temporary objects where it can remove some, else one by one. A
 * single object needs neither: an adapter's `write` is all or nothing. Failures of uploads are answers.
 *
 * @throws the signal's reason, and what the journal throws; by then what could not be seen yet was taken back.
 */
export async function publishUploads(
  uploads: readonly Upload[],
  options: PublishOptions,
): Promise<readonly Published[]> {
  const place = uploads[0]?.destination.place;
  if (place === undefined) return [];
  const hasTransactions = place.adapter.begin !== undefined;
  if (uploads.length === 1 || (!hasTransactions && place.adapter.remove === undefined)) {
    const failures = await sendAll(uploads, options, finalTarget);
    options.signal.throwIfAborted();
    return failures.map((failure) => ({ isThere: failure === null, failure }));
  }
  const id = publicationId(options.variables, place.mountId);
  const publication = publicationOf(uploads, id, hasTransactions, options);
  const group = { uploads, place: { ...place, purpose: 'outputs' }, publication };
  await options.journal('storing', publication);
  return hasTransactions
    ? publishInTransaction(group, id, options)
    : publishByTemporaryObjects(group, options);
}

function publicationOf(
  uploads: readonly Upload[],
  id: string,
  isTransaction: boolean,
  { metadata }: PublishOptions,
): Publication {
  return {
    mountId: uploads[0]?.destination.place.mountId ?? null,
    transactionId: isTransaction ? id : null,
    objects: uploads.map(({ file, destination }, index) => {
      const { path, contentType, overwrite, idempotencyKey } = destination;
      const temporaryPath = isTransaction ? null : temporaryPathOf(path, id, index);
      return { path, temporaryPath, ...file.digest, contentType, overwrite, idempotencyKey };
    }),
    metadata,
  };
}
