/** A file system with little room that is filled to the last byte or the last inode, and freed. Linux, as root. */
import { execFile } from 'node:child_process';
import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

const SIZE = '24m';
const INODES = 1_500;
const CHUNK = Buffer.alloc(1024 * 1024);

/** What fills a disk stands in this folder of it. */
export const FILLER = 'filler';

/** Puts a small file system in the place of a folder. */
export async function mountSmallDisk(path: string): Promise<void> {
  await execute('mount', [
    '-t',
    'tmpfs',
    '-o',
    `size=${SIZE},nr_inodes=${String(INODES)},mode=0700`,
    'tmpfs',
    path,
  ]);
}

/** Takes it away with what is on it. */
export async function unmount(path: string): Promise<void> {
  await execute('umount', ['--lazy', path]);
}

/** Leaves no byte, or no inode. */
export async function fill(path: string, what: 'bytes' | 'inodes'): Promise<void> {
  const folder = join(path, FILLER);
  await mkdir(folder, { recursive: true });
  await (what === 'bytes' ? fillBytes(folder) : fillInodes(folder)).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  });
}

/** Gives everything back. */
export async function free(path: string): Promise<void> {
  await rm(join(path, FILLER), { recursive: true, force: true });
}

async function fillBytes(folder: string): Promise<never> {
  const file = await open(join(folder, 'bytes'), 'w');
  try {
    for (;;) await file.write(CHUNK);
  } finally {
    await file.close();
  }
}

async function fillInodes(folder: string): Promise<never> {
  for (let index = 0; ; index += 1) await writeFile(join(folder, String(index)), '');
}
