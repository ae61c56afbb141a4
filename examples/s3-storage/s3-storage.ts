/** A storage in an S3 bucket, or in anything else that speaks S3 and knows conditional writes. It makes no bucket and removes nothing. */
import { addAbortSignal, Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  paginateListObjectsV2,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { announcedBody, type StorageAdapter, type StorageEntry, StorageError } from 'berthkit/storage';

/** Makes a storage of a bucket, or of what lies beneath a prefix of it (`jobs/`). Folders are what keys have in common. */
export function s3Storage(client: S3Client, bucket: string, prefix = ''): StorageAdapter {
  const at = (path: string) => ({ Bucket: bucket, Key: `${prefix}${path}` });
  const head = (path: string, abortSignal: AbortSignal) =>
    client.send(new HeadObjectCommand(at(path)), { abortSignal }).catch(nullFor404);

  return {
    stat: (path, { signal }) =>
      guarded(signal, async () => {
        const found = path === '' ? null : await head(path, signal);
        if (found !== null) return toFile(path, found.ContentLength, found.Metadata?.['sha256']);
        const query = { Bucket: bucket, Prefix: `${prefix}${path}/`, MaxKeys: 1 };
        const { KeyCount = 0 } = await client.send(new ListObjectsV2Command(query), { abortSignal: signal });
        return path === '' || KeyCount > 0 ? toFolder(path) : null;
      }),
    async *list(folder, { signal }) {
      signal.throwIfAborted();
      const query = { Bucket: bucket, Prefix: folder === '' ? prefix : `${prefix}${folder}/` };
      const told = new Set(['', folder]);
      let isThere = folder === '';
      for await (const page of paginateListObjectsV2({ client }, query, { abortSignal: signal })) {
        for (const { Key = '', Size } of page.Contents ?? []) {
          isThere = true;
          const path = Key.slice(prefix.length);
          for (let end = path.indexOf('/', folder.length + 1); end > 0; end = path.indexOf('/', end + 1)) {
            const parent = path.slice(0, end);
            if (!told.has(parent)) yield toFolder(parent);
            told.add(parent);
          }
          // A key that ends with a slash is how some tools make an empty folder.
          if (!path.endsWith('/')) yield toFile(path, Size);
        }
      }
      if (!isThere) throw new StorageError('storage.not_found', `there is no folder at "${folder}"`);
    },
    read: (path, { signal }) =>
      guarded(signal, async () => {
        const command = new GetObjectCommand(at(path));
        const found = await client.send(command, { abortSignal: signal }).catch(nullFor404);
        if (found?.Body instanceof Readable) return addAbortSignal(signal, found.Body);
        throw new StorageError('storage.not_found', `there is no file at "${path}"`);
      }),
    write: (path, body, options) =>
      guarded(options.signal, async () => {
        if (path === '') throw new StorageError('storage.failed', 'nothing can be stored at the root');
        const { sizeBytes, sha256, contentType, overwrite, metadata, signal } = options;
        const told = { ...metadata, sha256, 'idempotency-key': options.idempotencyKey };
        const encoded = Object.entries(told).map(([name, value]) => [name, encodeURIComponent(value)]);
        const upload = new Upload({
          client: abortable(client, signal),
          params: {
            ...at(path),
            Body: Readable.from(announcedBody(path, body, options)),
            ContentLength: sizeBytes,
            ContentType: contentType ?? 'application/octet-stream',
            Metadata: Object.fromEntries(encoded) as Record<string, string>,
            // Asked of S3 itself, as it stores: of two writers one wins, which no look beforehand can promise.
            ...(overwrite ? {} : { IfNoneMatch: '*' }),
          },
        });
        const refused = await upload.done().then(() => null, refusal);
        const there = refused === null ? null : await head(path, signal);
        // What is there may be this very object, stored by a try whose answer was lost.
        const isOurs = there?.Metadata?.['idempotency-key'] === encodeURIComponent(options.idempotencyKey);
        if (refused === null || isOurs) return toFile(path, sizeBytes, sha256);
        if (there === null) throw refused;
        throw new StorageError('storage.exists', `there is an object at "${path}" already`);
      }),
  };
}

const toFile = (path: string, sizeBytes = 0, sha256?: string): StorageEntry =>
  Object.assign({ path, type: 'file', sizeBytes } as const, sha256 === undefined ? {} : { sha256 });
const toFolder = (path: string): StorageEntry => ({ path, type: 'directory', sizeBytes: 0 });

const statusOf = (error: unknown): number =>
  error instanceof S3ServiceException ? (error.$metadata.httpStatusCode ?? 0) : 0;

function nullFor404(error: unknown): null {
  if (statusOf(error) === 404) return null;
  throw error;
}

/** The answers to a conditional write where something is (412), or is being written (409). */
function refusal(error: unknown): S3ServiceException {
  if (error instanceof S3ServiceException && [409, 412].includes(statusOf(error))) return error;
  throw error;
}

/** Every call rejects with the signal's reason, once it is aborted. */
async function guarded<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    signal.throwIfAborted();
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** `Upload` gives its requests no signal: cut off, they store nothing behind our back. What parts were sent is still thrown away. */
function abortable(client: S3Client, abortSignal: AbortSignal): S3Client {
  const send = (command: Parameters<S3Client['send']>[0]) =>
    client.send(command, command instanceof AbortMultipartUploadCommand ? {} : { abortSignal });
  return Object.create(client, { send: { value: send } }) as S3Client;
}
