/** Turns what a caller gives as standard input into one stream of bytes. It writes nothing. */
import { createReadStream } from 'node:fs';
import type { FileContent } from '../workspace/file-content.js';

/** Pieces of at most this size, so that writing them has back-pressure. */
const CHUNK_BYTES = 64 * 1024;

/** The bytes of a content; a `path` must be a file. Reading begins when the stream is read. */
export async function* toByteStream(content: FileContent): AsyncGenerator<Uint8Array, void, undefined> {
  if (typeof content === 'string' || content instanceof Uint8Array) {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
      yield await Promise.resolve(bytes.subarray(from, from + CHUNK_BYTES));
    }
    return;
  }
  if ('path' in content) {
    for await (const chunk of createReadStream(content.path)) yield chunk as Buffer;
    return;
  }
  yield* content;
}
