/** Bytes kept to be read again: the first ones in memory, the rest in one file without a name, which is gone with its handle. */
import { nodeCrypto } from '../base/node-crypto.js';
import { constants } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from './node.js';
import { thisProcess } from './this-process.js';

/** Where bytes are kept, as one long row. */
export interface Spool {
  /** Keeps a copy and tells at which position. Rejects with the system's error when the file cannot be made or written to. */
  append(bytes: Uint8Array): Promise<number>;
  /** So many bytes from a position, which were appended in one go or one after the other. */
  read(position: number, sizeBytes: number): Promise<Uint8Array>;
  /** Lets go of everything; nothing can be read any more. Idempotent. */
  close(): Promise<void>;
}

// open(2): a file that never has a name. Not in node:fs; the constant holds O_DIRECTORY, whose value depends on the processor.
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/** An empty spool; its file, if one is needed, is made on the file system of `folder`, which must exist by then. */
export function createSpool(folder: string, memoryBytes: number): Spool {
  let memory = Buffer.alloc(0);
  let memoryEnd = 0;
  let file: Promise<FileHandle> | null = null;
  // Positions from here on lie in the file.
  let end = memoryBytes;
  return {
    async append(bytes) {
      if (end === memoryBytes && memoryEnd + bytes.byteLength <= memoryBytes) {
        const position = memoryEnd;
        memoryEnd += bytes.byteLength;
        memory = withRoomFor(memory, memoryEnd, memoryBytes);
        memory.set(bytes, position);
        return position;
      }
      const position = end;
      end += bytes.byteLength;
      file ??= openNameless(folder);
      await writeAt(await file, bytes, position - memoryBytes);
      return position;
    },
    async read(position, sizeBytes) {
      // A copy: the reader may change it.
      if (position < memoryBytes) return Uint8Array.from(memory.subarray(position, position + sizeBytes));
      if (file === null) throw new Error('the spool was closed');
      return readAt(await file, position - memoryBytes, sizeBytes);
    },
    async close() {
      const opened = file;
      file = null;
      memory = Buffer.alloc(0);
      await (await opened?.catch(() => null))?.close();
    },
  };
}

function withRoomFor(memory: Buffer<ArrayBuffer>, needed: number, most: number): Buffer<ArrayBuffer> {
  if (needed <= memory.byteLength) return memory;
  const larger = Buffer.alloc(Math.min(most, Math.max(needed, 2 * memory.byteLength)));
  larger.set(memory);
  return larger;
}

/** Nobody finds such a file, and a process that dies leaves none. Where there are no such files, a name is taken away again at once. */
async function openNameless(folder: string): Promise<FileHandle> {
  try {
    if (thisProcess.platform === 'linux')
      return await open(folder, O_TMPFILE | constants.O_RDWR | constants.O_EXCL, 0o600);
  } catch (error) {
    if (!['EOPNOTSUPP', 'EISDIR', 'EINVAL'].includes(errorCode(error) ?? '')) throw error;
  }
  const path = join(folder, `.kept-${nodeCrypto().randomUUID()}`);
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const handle = await open(path, flags, 0o600);
  await unlink(path);
  return handle;
}

async function writeAt(handle: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let written = 0; written < bytes.byteLength;) {
    const left = bytes.byteLength - written;
    written += (await handle.write(bytes, written, left, offset + written)).bytesWritten;
  }
}

async function readAt(handle: FileHandle, offset: number, sizeBytes: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(sizeBytes);
  for (let read = 0; read < sizeBytes;) {
    const { bytesRead } = await handle.read(bytes, read, sizeBytes - read, offset + read);
    if (bytesRead === 0) throw new Error('the spool is shorter than what was appended to it');
    read += bytesRead;
  }
  return bytes;
}
