import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { type FileHandle, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { copyContent } from '../../src/host/copy-content.js';
import { noSignal, scratch } from './scratch.js';

const MIB = 1024 ** 2;
/** What is read at once: only a file of whole chunks is asked for more. */
const CHUNK_BYTES = 2 * MIB;

async function withFiles(
  bytes: Uint8Array,
  work: (source: FileHandle, target: FileHandle, paths: { source: string; target: string }) => Promise<void>,
): Promise<void> {
  const folder = await scratch();
  const paths = { source: join(folder, 'source'), target: join(folder, 'target') };
  await writeFile(paths.source, bytes);
  const source = await open(paths.source);
  const target = await open(paths.target, 'wx');
  try {
    await work(source, target, paths);
  } finally {
    await source.close();
    await target.close();
  }
}

describe('copyContent', () => {
  it.each([0, 1, 4095, 4096, 2 * MIB - 1, 2 * MIB, 2 * MIB + 1, 3 * MIB, 4 * MIB, 4 * MIB + 7])(
    'copies %i bytes',
    async (size) => {
      const bytes = randomBytes(size);
      const counted: number[] = [];
      await withFiles(bytes, async (source, target, paths) => {
        const seen: Buffer[] = [];
        const copied = await copyContent(source, target, {
          signal: noSignal(),
          onBytes: (count) => counted.push(count),
          onChunk: (chunk) => seen.push(Buffer.from(chunk)),
        });
        expect(copied).toBe(size);
        expect(Buffer.concat(seen).equals(bytes)).toBe(true);
        expect((await readFile(paths.target)).equals(bytes)).toBe(true);
      });
      expect(counted.reduce((sum, count) => sum + count, 0)).toBe(size);
    },
  );

  it('copies what a file has become, and counts it before it is written', async () => {
    await withFiles(Buffer.alloc(CHUNK_BYTES, 1), async (source, target, paths) => {
      let counted = 0;
      const copying = copyContent(source, target, {
        signal: noSignal(),
        onBytes: (count) => {
          counted += count;
          if (counted > 4 * CHUNK_BYTES) throw new Error('enough');
          // It grows for as long as it is read: only the count ends it.
          appendFileSync(paths.source, Buffer.alloc(CHUNK_BYTES, 2));
        },
      });
      await expect(copying).rejects.toThrow('enough');
      expect((await readFile(paths.target)).byteLength).toBe(4 * CHUNK_BYTES);
    });
  });

  it('copies a file of the kernel that says it is empty', async () => {
    await withFiles(Buffer.alloc(0), async (_, target, paths) => {
      const kernel = await open('/proc/self/limits');
      try {
        const copied = await copyContent(kernel, target, { signal: noSignal() });
        expect(copied).toBeGreaterThan(100);
        expect(await readFile(paths.target, 'utf8')).toMatch(/^Limit/);
      } finally {
        await kernel.close();
      }
    });
  });

  it('ends with the reason of an aborted signal', async () => {
    await withFiles(randomBytes(3 * CHUNK_BYTES), async (source, target) => {
      const controller = new AbortController();
      const copying = copyContent(source, target, {
        signal: controller.signal,
        onBytes: () => {
          controller.abort(new Error('enough'));
        },
      });
      await expect(copying).rejects.toThrow('enough');
    });
  });
});
