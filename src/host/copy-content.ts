/** Copies bytes between open files as fast as the disk takes them. It makes no file. */
import type { FileHandle } from 'node:fs/promises';

/** How bytes are copied. */
interface CopyOptions {
  readonly signal: AbortSignal;
  /** Told the number of bytes before each chunk is written; throws to stop when a limit is passed. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /** Gets each chunk while it is being written, for whoever hashes it; must not keep it. */
  readonly onChunk?: ((chunk: Uint8Array) => void) | undefined;
}

// Measured: half of it takes twice the time on file systems that cache in large pieces, and more gains nothing.
const CHUNK_BYTES = 2 * 1024 * 1024;

/**
 * Copies a file from its start to its end, whatever size it was said to have, and gives the number of bytes. One chunk is read while the one
 * before is written.
 */
export async function copyContent(
  source: FileHandle,
  target: FileHandle,
  { signal, onBytes, onChunk }: CopyOptions,
): Promise<number> {
  const { size } = await source.stat();
  // One byte more than there is: the end of a small file is seen at its first reading.
  let buffer: Buffer = Buffer.allocUnsafe(Math.min(size + 1, CHUNK_BYTES));
  let spare: Buffer | null = null;
  let position = 0;
  let { bytesRead } = await source.read(buffer, 0, buffer.byteLength, 0);
  while (bytesRead > 0) {
    signal.throwIfAborted();
    onBytes?.(bytesRead);
    const chunk = buffer.subarray(0, bytesRead);
    const writing = writeChunk(target, chunk, position);
    position += bytesRead;
    if (buffer.byteLength < CHUNK_BYTES && bytesRead < buffer.byteLength) {
      onChunk?.(chunk);
      await writing;
      return position;
    }
    const next: Buffer = spare ?? Buffer.allocUnsafe(CHUNK_BYTES);
    const reading = source.read(next, 0, CHUNK_BYTES, position);
    onChunk?.(chunk);
    // Neither file may be closed while it is still worked on, so both are waited for, also when one fails.
    const [read, written] = await Promise.allSettled([reading, writing]);
    if (written.status === 'rejected') throw written.reason;
    if (read.status === 'rejected') throw read.reason;
    spare = buffer.byteLength === CHUNK_BYTES ? buffer : null;
    buffer = next;
    ({ bytesRead } = read.value);
  }
  return position;
}

/** Writes all of a chunk: a single call may write less. */
export async function writeChunk(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let offset = 0; offset < chunk.byteLength;) {
    const { bytesWritten } = await file.write(chunk, offset, chunk.byteLength - offset, position + offset);
    offset += bytesWritten;
  }
}
