/** A large file that every disk and every page cache takes for real data. It measures nothing. */
import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { GIB, type Ground, MIB } from './ground.js';

/** Makes a file of random bytes and gives its path: one GiB unless told otherwise, or far less for a quick run. */
export async function makeLargeFile(ground: Ground, name: string, fullBytes = GIB): Promise<string> {
  const path = join(ground.folder, name);
  const sizeBytes = ground.quick ? 8 * MIB : fullBytes;
  // One block again and again: no file system here looks for repetitions, and random bytes are slow to make.
  const block = randomBytes(MIB);
  const file = await open(path, 'wx');
  try {
    for (let written = 0; written < sizeBytes; written += block.length) await file.write(block);
  } finally {
    await file.close();
  }
  return path;
}
