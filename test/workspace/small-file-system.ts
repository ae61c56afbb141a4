/** A file system of its own for a test, where this user may mount one. It asserts nothing. */
import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { scratch } from '../host/scratch.js';

/** A file system of 8 MiB and 200 inodes, at a path that goes when the test is over. */
export async function smallFileSystem(): Promise<string> {
  return mountSmall(join(await scratch(), 'small'));
}

/** The same in a new folder at a path: a folder in which something is mounted cannot be removed. */
export async function mountSmall(path: string): Promise<string> {
  await mkdir(path);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m,nr_inodes=200,mode=0700', 'berthkit-test', path]);
  onTestFinished(() => {
    execFileSync('umount', ['-l', path]);
  });
  return path;
}
