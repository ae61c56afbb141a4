/** Reads and writes the bytes of open files, hashing and counting on the way. It never looks a name up twice. */
import { nodeCrypto } from '../base/node-crypto.js';
import { constants } from 'node:fs';
import { chown, type FileHandle, open, unlink } from 'node:fs/promises';
import { bytesOf } from './chunks.js';
import { copyContent, scanContent, writeChunk } from './copy-content.js';
import { createChunkMemory } from './lent-chunks.js';
import { childPath, handlePath, type NodeName } from './node.js';
import { thisProcess } from './this-process.js';

/** The owner of a new file or folder. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** What was read or written, hashed or not. */
export interface Content {
  readonly sizeBytes: number;
  /** Lower-case hex; null: it was not hashed. */
  readonly sha256: string | null;
}

/** The same, hashed. */
export interface Digest extends Content {
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** How a file is read or written. */
interface TransferOptions {
  readonly signal: AbortSignal;
  /** Told the number of bytes before each chunk is used; throws to stop when a limit is passed. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** How a file is made. */
export interface CreateOptions extends TransferOptions {
  /** Permission bits, whatever the umask. */
  readonly mode: number;
  readonly owner?: Owner | undefined;
  /** Waits until the bytes are on the disk. */
  readonly sync?: boolean | undefined;
}

const CHUNK_BYTES = 1024 * 1024;

/** How a file is read. */
interface ReadOptions extends TransferOptions {
  /** What it is said to have: a small file then takes one reading and no more memory than it needs. */
  readonly sizeBytes?: number | undefined;
}

/**
 * The bytes of an open file from its start, independent of other readers of the same handle, and all of them whatever size it was said to
 * have. One chunk is read while the one before is used.
 */
export async function* readContent(
  content: FileHandle,
  { sizeBytes = CHUNK_BYTES, signal, onBytes }: ReadOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  // One byte more than there is: the end of a small file is seen at its first reading.
  const firstLength = Math.min(sizeBytes + 1, CHUNK_BYTES);
  const take = createChunkMemory(CHUNK_BYTES);
  let position = 0;
  let reading = readChunk(content, firstLength < CHUNK_BYTES ? Buffer.allocUnsafe(firstLength) : take(), 0);
  try {
    for (;;) {
      signal.throwIfAborted();
      const chunk = await reading;
      if (chunk.byteLength === 0) return;
      const isLast = position === 0 && firstLength < CHUNK_BYTES && chunk.byteLength < firstLength;
      onBytes?.(chunk.byteLength);
      position += chunk.byteLength;
      if (!isLast) reading = readChunk(content, take(), position);
      yield chunk;
      if (isLast) return;
    }
  } finally {
    // Whoever breaks off may close the file at once.
    await reading.catch(() => undefined);
  }
}

/** A buffer for each chunk: the reader may keep it. */
function readChunk(content: FileHandle, buffer: Buffer, position: number): Promise<Uint8Array> {
  const reading = content
    .read(buffer, 0, buffer.byteLength, position)
    .then(({ bytesRead }) => buffer.subarray(0, bytesRead));
  // Nobody may be waiting for it yet when it fails.
  reading.catch(() => undefined);
  return reading;
}

/** How a file is hashed. */
interface DigestOptions extends ReadOptions {
  /** Gets each chunk in the same pass, for whoever looks for something else in it; must not keep it. */
  readonly onChunk?: ((chunk: Uint8Array) => void) | undefined;
}

/** Size and SHA-256 of an open file. */
export async function digestContent(content: FileHandle, options: DigestOptions): Promise<Digest> {
  const hash = nodeCrypto().createHash('sha256');
  const { sizeBytes: said = CHUNK_BYTES, signal, onBytes, onChunk } = options;
  const sizeBytes = await scanContent(content, { sizeBytes: said, signal, onBytes }, async (chunk) => {
    hash.update(chunk);
    onChunk?.(chunk);
    await Promise.resolve();
  });
  return { sizeBytes, sha256: hash.digest('hex') };
}

/** Makes a new file in an open folder; what fails or is aborted leaves none behind. Rejects with `EEXIST` when the name is taken. */
export async function createFile(
  directory: FileHandle,
  name: NodeName,
  body: AsyncIterable<Uint8Array>,
  options: CreateOptions,
): Promise<Digest> {
  return fillFile(directory, name, options, async (file) => {
    const hash = nodeCrypto().createHash('sha256');
    const sizeBytes = await writeAll(file, body, options, (chunk) => hash.update(chunk));
    return { sizeBytes, sha256: hash.digest('hex') };
  });
}

/** The same for a file whose SHA-256 nobody asks for. */
export async function createUnhashedFile(
  directory: FileHandle,
  name: NodeName,
  body: AsyncIterable<Uint8Array>,
  options: CreateOptions,
): Promise<Content> {
  return fillFile(directory, name, options, async (file) => ({
    sizeBytes: await writeAll(file, body, options),
    sha256: null,
  }));
}

/** The same with a copy of an open file, as it is when it is read. */
export async function copyToFile(
  directory: FileHandle,
  name: NodeName,
  content: FileHandle,
  { isHashed, ...options }: CreateOptions & { readonly isHashed: boolean },
): Promise<Content> {
  return fillFile(directory, name, options, async (file) => {
    if (!isHashed) return { sizeBytes: await copyContent(content, file, options), sha256: null };
    const hash = nodeCrypto().createHash('sha256');
    const onChunk = (chunk: Uint8Array): void => void hash.update(chunk);
    const sizeBytes = await copyContent(content, file, { ...options, onChunk });
    return { sizeBytes, sha256: hash.digest('hex') };
  });
}

async function fillFile<T>(
  directory: FileHandle,
  name: NodeName,
  options: CreateOptions,
  fill: (file: FileHandle) => Promise<T>,
): Promise<T> {
  const path = childPath(directory, name);
  // O_EXCL: neither an existing file nor a planted link is ever written to.
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await open(path, flags, 0o600);
  try {
    const filled = await fill(file);
    if (options.owner !== undefined) await chownIfNeeded(file, options.owner);
    // After chown: that clears setuid bits and, for some kernels, more.
    await file.chmod(options.mode);
    if (options.sync === true) await file.sync();
    await file.close();
    return filled;
  } catch (error) {
    await file.close().catch(() => undefined);
    await unlink(path).catch(() => undefined);
    throw error;
  }
}

async function writeAll(
  file: FileHandle,
  body: AsyncIterable<Uint8Array>,
  options: CreateOptions,
  onChunk?: (chunk: Uint8Array) => void,
): Promise<number> {
  let sizeBytes = 0;
  for await (const chunk of bytesOf(body, options.signal)) {
    options.onBytes?.(chunk.byteLength);
    const writing = writeChunk(file, chunk, sizeBytes);
    onChunk?.(chunk);
    await writing;
    sizeBytes += chunk.byteLength;
  }
  return sizeBytes;
}

/** Gives an open node to an owner unless it is theirs already, as far as `now` tells: only root may give files away. */
export async function chownIfNeeded(handle: FileHandle, owner: Owner, now?: Owner): Promise<void> {
  const { uid, gid } = now ?? (await handle.stat());
  if (uid === owner.uid && gid === owner.gid) return;
  if (thisProcess.platform !== 'linux') return handle.chown(owner.uid, owner.gid);
  // By path, as a handle to the node itself (O_PATH) takes no fchown(2).
  await chown(handlePath(handle), owner.uid, owner.gid);
}
