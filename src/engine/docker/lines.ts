/** Takes a stream of bytes apart into lines. It parses and opens nothing. */

/** A longer line is nothing an engine sends. */
export const MAX_LINE_BYTES = 1024 * 1024;

const LINE_FEED = 0x0a;

/**
 * Yields whole lines as bytes: a character that is split between chunks is put together before it is decoded.
 * @throws what `tooLong` makes, for a line of more than {@link MAX_LINE_BYTES}.
 */
export async function* readLines(
  source: AsyncIterable<Uint8Array>,
  tooLong: () => Error,
): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let size = 0;
  const add = (part: Uint8Array): void => {
    size += part.length;
    if (size > MAX_LINE_BYTES) throw tooLong();
    parts.push(part);
  };
  for await (const chunk of source) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      add(chunk.subarray(start, end));
      yield Buffer.concat(parts);
      parts = [];
      size = 0;
      start = end + 1;
    }
    add(chunk.subarray(start));
  }
  if (size > 0) yield Buffer.concat(parts);
}
