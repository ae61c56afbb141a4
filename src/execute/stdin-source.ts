/** Turns what a caller gives as standard input into one stream of bytes, and accounts for it. It writes nothing. */
import type { Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { nodeCrypto } from '../base/node-crypto.js';
import type { FileContent } from '../workspace/file-content.js';

/** Pieces of at most this size, so that writing them has back-pressure. */
const CHUNK_BYTES = 64 * 1024;

/** What standard input is made of once a path was opened. */
export type StdinContent = Exclude<FileContent, { readonly path: string }>;

/** The bytes of a content. Reading begins when the stream is read. */
async function* toByteStream(
  content: Exclude<StdinContent, string>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (content instanceof Uint8Array) {
    for (let from = 0; from < content.length; from += CHUNK_BYTES) {
      yield await Promise.resolve(content.subarray(from, from + CHUNK_BYTES));
    }
    return;
  }
  yield* content;
}

/** What an open file holds, from where it stands. It stays open. */
export async function* readToEnd(file: FileHandle): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** What is known of standard input: all, before it is read, of a text and of bytes; else nothing until it was read to its end. */
export interface StdinAccount {
  readonly sizeBytes: number | null;
  readonly sha256: string | null;
}

/** The bytes of a content, with `onAccount` told what is known of them, now and at their end. Without `isHashed` they are only counted. */
export function toAccountedStream(
  content: StdinContent,
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
