/**
 * Memory for chunks that is used again. Where gibibytes pass through, new memory for each mebibyte has the garbage collected all the time, which takes
 * longer than everything else.
 */

/** A buffer that was taken, and where it goes back to. */
interface Taken {
  readonly buffer: Buffer;
  readonly free: Buffer[];
  /** What was lent of it; null: it is the reader's to keep. */
  lent: { readonly byteOffset: number; readonly byteLength: number } | null;
}

const taken = new WeakMap<ArrayBufferLike, Taken>();

/** Gives buffers of one length: those that were given back, else new ones. */
export function createChunkMemory(byteLength: number): () => Buffer {
  const free: Buffer[] = [];
  return () => {
    // Alone in its memory, by which it is known.
    const buffer = free.pop() ?? Buffer.allocUnsafeSlow(byteLength);
    taken.set(buffer.buffer, { buffer, free, lent: null });
    return buffer;
  };
}

/** Lets the memory of a chunk be given back. Only for who passes it on and is the only one to have it. Memory that was not taken stays as it is. */
export function lendChunk({ buffer, byteOffset, byteLength }: Uint8Array): void {
  const entry = taken.get(buffer);
  if (entry !== undefined) entry.lent = { byteOffset, byteLength };
}

/** Says that a chunk, if it was lent, will not be looked at any more. A part of one changes nothing. */
export function giveBackChunk({ buffer, byteOffset, byteLength }: Uint8Array): void {
  const entry = taken.get(buffer);
  if (entry?.lent?.byteOffset !== byteOffset || entry.lent.byteLength !== byteLength) return;
  taken.delete(buffer);
  entry.free.push(entry.buffer);
}
