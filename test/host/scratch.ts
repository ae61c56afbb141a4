/** A temporary folder per test, with the hostile things a job could leave in it. It asserts nothing. */
import { execFileSync } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Makes a folder that is gone after the test, whatever is in it. */
export async function scratch(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'berthkit-test-'));
  onTestFinished(() => {
    execFileSync('chmod', ['-R', 'u+rwx', path], { stdio: 'ignore' });
    // Node's own removal recurses, and overflows where a test failed before it removed its thousands of levels.
    execFileSync('rm', ['-rf', path]);
  });
  return path;
}

/** Makes a FIFO. */
export function makeFifo(path: string): void {
  execFileSync('mkfifo', [path]);
}

/** True when this process may make devices and give files away. */
export const isRoot = process.geteuid?.() === 0;

/** A signal that is never aborted. */
export const noSignal = (): AbortSignal => new AbortController().signal;

/** Open file descriptors of this process that lead beneath a folder: none may be left behind. */
export async function openBelow(folder: string): Promise<string[]> {
  const { readdir, readlink } = await import('node:fs/promises');
  const links = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  return links.filter((target) => target === folder || target.startsWith(`${folder}/`));
}
