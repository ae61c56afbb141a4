/** Turns what a caller gives as standard input into one stream of bytes, and accounts for it. It writes nothing. */
import type { Hash } from 'node:crypto';
import { nodeCrypto } from '../base/node-crypto.js';
import { createReadStream } from 'node:fs';
import type { FileContent } from '../workspace/file-content.js';

/** Pieces of at most this size, so that writing them has back-pressure. */
const CHUNK_BYTES = 64 * 1024;

/** The bytes of a content; a `path` must be a file. Reading begins when the stream is read. */
async function* toByteStream(
  content: Exclude<FileContent, string>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (content instanceof Uint8Array) {
    for (let from = 0; from < content.length; from += CHUNK_BYTES) {
      yield await Promise.resolve(content.subarray(from, from + CHUNK_BYTES));
    }
    return;
  }
  if ('path' in content) {
    for await (const chunk of createReadStream(content.path)) yield chunk as Buffer;
    return;
  }
  yield* content;
}

/** What is known of standard input: all, before it is read, of a text and of bytes; else nothing until it was read to its end. */
export interface StdinAccount {
  readonly sizeBytes: number | null;
  readonly sha256: string | null;
}

/** The bytes of a content, with `onAccount` told what is known of them, now and at their end. Without `isHashed` they are only counted. */
export function toAccountedStream(
  content: FileContent,
  isHashed: boolean,
  onAccount: (account: StdinAccount) => void,
): AsyncIterable<Uint8Array> {
  if (typeof content === 'string' || content instanceof Uint8Array) {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    onAccount({ sizeBytes: bytes.byteLength, sha256: isHashed ? nodeCrypto().hash('sha256', bytes) : null });
    return toByteStream(bytes);
  }
  onAccount({ sizeBytes: null, sha256: null });
  return accounted(toByteStream(content), isHashed ? nodeCrypto().createHash('sha256') : null, onAccount);
}

async function* accounted(
  source: AsyncIterable<Uint8Array>,
  sum: Hash | null,
  onAccount: (account: StdinAccount) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let sizeBytes = 0;
  for await (const chunk of source) {
    sum?.update(chunk);
    sizeBytes += Buffer.byteLength(chunk);
    yield chunk;
  }
  onAccount({ sizeBytes, sha256: sum?.digest('hex') ?? null });
}
