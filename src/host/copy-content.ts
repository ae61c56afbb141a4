/** Reads open files through, and copies them, as fast as the disk gives and takes. It makes no file. */
import type { FileHandle } from 'node:fs/promises';

/** How bytes are read. */
interface ScanOptions {
  readonly signal: AbortSignal;
  /** Told the number of bytes before each chunk is used; throws to stop when a limit is passed. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** How bytes are copied. */
interface CopyOptions extends ScanOptions {
  /** Gets each chunk while it is being written, for whoever hashes it; must not keep it. */
  readonly onChunk?: ((chunk: Uint8Array) => void) | undefined;
}

// Measured: half of it takes twice the time on file systems that cache in large pieces, and more gains nothing.
const CHUNK_BYTES = 2 * 1024 * 1024;

/** Copies a file from its start to its end, whatever size it was said to have, and gives the number of bytes. */
export async function copyContent(
  source: FileHandle,
  target: FileHandle,
  { onChunk, ...options }: CopyOptions,
): Promise<number> {
  const { size } = await source.stat();
  return scanContent(source, { ...options, sizeBytes: size }, async (chunk, position) => {
    const writing = writeChunk(target, chunk, position);
    onChunk?.(chunk);
    await writing;
  });
}

/**
 * Has each chunk of a file used while the one after it is read, and gives the number of bytes: all there are, whatever size was given. What
 * is used must not be kept.
 */
export async function scanContent(
  source: FileHandle,
  { sizeBytes, signal, onBytes }: ScanOptions & { readonly sizeBytes: number },
  use: (chunk: Uint8Array, position: number) => Promise<void>,
): Promise<number> {
  // One byte more than there is: the end of a small file is seen at its first reading.
  let buffer: Buffer = Buffer.allocUnsafe(Math.min(sizeBytes + 1, CHUNK_BYTES));
  let spare: Buffer | null = null;
  let position = 0;
  let { bytesRead } = await source.read(buffer, 0, buffer.byteLength, 0);
  while (bytesRead > 0) {
    signal.throwIfAborted();
    onBytes?.(bytesRead);
    const chunk = buffer.subarray(0, bytesRead);
    const isLast = buffer.byteLength < CHUNK_BYTES && bytesRead < buffer.byteLength;
    if (isLast) {
      await use(chunk, position);
      return position + bytesRead;
    }
    const next: Buffer = spare ?? Buffer.allocUnsafe(CHUNK_BYTES);
    const reading = source.read(next, 0, CHUNK_BYTES, position + bytesRead);
    // Neither file may be closed while it is still worked on, so both are waited for, also when one fails.
    const [read, used] = await Promise.allSettled([reading, use(chunk, position)]);
    if (used.status === 'rejected') throw used.reason;
    if (read.status === 'rejected') throw read.reason;
    spare = buffer.byteLength === CHUNK_BYTES ? buffer : null;
    buffer = next;
    position += bytesRead;
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
