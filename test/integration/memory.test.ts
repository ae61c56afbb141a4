/** Much output takes no more memory than little: watched in a process of its own, where nothing else allocates. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { bundleProgram } from '../../scripts/bundle-program.js';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';

const MEBIBYTE = 1024 ** 2;
const run = promisify(execFile);

describe('memory', () => {
  it('stays flat under 256 MiB of redacted output with a sink, lines and a reader that does not read', async () => {
    const program = await bundleProgram(new URL('./memory-program.ts', import.meta.url));
    const image = await ensureImage('busybox');
    const { stdout } = await run(process.execPath, [
      '--expose-gc',
      // Garbage is collected sooner; text that was kept would not fit.
      '--max-old-space-size=96',
      // The young generation, too, is as large on every Node: from Node 24 on it may grow to 128 MiB of garbage.
      '--max-semi-space-size=16',
      program,
      image,
      '256',
    ]);
    const told = JSON.parse(stdout) as { readonly received: number; readonly growth: number };
    expect(told.received).toBe(256 * MEBIBYTE);
    // Garbage that was not collected yet, but no more of it after more output; kept whole, it would be 256 MiB.
    expect(told.growth / MEBIBYTE, stdout).toBeLessThan(64);
  });
});
