/** What is free on a file system. It reads no file of it. */
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from './node.js';

/** What is free for this user. */
export interface FreeSpace {
  readonly bytes: number;
  /** Null on a file system that makes inodes as it needs them. */
  readonly inodes: number | null;
}

/** What is free where a path lies, or would lie: the nearest folder that is there tells. Rejects with the system's error. */
export async function freeSpace(path: string): Promise<FreeSpace> {
  try {
    const { bavail, bsize, files, ffree } = await statfs(path);
    return { bytes: bavail * bsize, inodes: files === 0 ? null : ffree };
  } catch (error) {
    const parent = dirname(path);
    if (errorCode(error) !== 'ENOENT' || parent === path) throw error;
    return freeSpace(parent);
  }
}
