/** A file of an output is read once and is the same when it is opened again, or it has changed. */
import { createHash } from 'node:crypto';
import { appendFileSync, renameSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openChild, openDirectory, type OpenNode } from '../../src/host/node.js';
import { ChangedError, hashFile, openSameFile, pathOf } from '../../src/workspace/found-file.js';
import { noSignal, openBelow, scratch } from '../host/scratch.js';

afterEach(() => vi.useRealTimers());

/** A file with its folder and itself opened, for the time of the work. */
async function withFile(
  content: string,
  work: (node: OpenNode, path: string, folder: OpenNode) => Promise<void>,
): Promise<void> {
  const root = await scratch();
  const path = join(root, 'f');
  writeFileSync(path, content);
  const folder = await openDirectory(root);
  const node = await openChild(folder.handle, 'f');
  try {
    await work(node, path, folder);
  } finally {
    await node.handle.close();
    await folder.handle.close();
  }
  expect(await openBelow(root)).toEqual([]);
}

describe('a file that is hashed', () => {
  it('gives its size, its digest and each of its bytes once', async () => {
    await withFile('hello', async (node) => {
      const chunks: Buffer[] = [];
      const onChunk = (chunk: Uint8Array): void => void chunks.push(Buffer.from(chunk));
      const { digest } = await hashFile(node, { signal: noSignal(), onChunk });
      const sha256 = createHash('sha256').update('hello').digest('hex');
      expect(digest).toEqual({ sizeBytes: 5, sha256 });
      expect(Buffer.concat(chunks).toString()).toBe('hello');
    });
  });

  it('has changed if it is longer by now, and is read no further than it was to be', async () => {
    await withFile('hello', async (node, path) => {
      appendFileSync(path, ', and more');
      const chunks: Uint8Array[] = [];
      const onChunk = (chunk: Uint8Array): void => void chunks.push(chunk);
      await expect(hashFile(node, { signal: noSignal(), onChunk })).rejects.toBeInstanceOf(ChangedError);
      expect(chunks).toEqual([]);
    });
  });

  it('has changed if it is shorter by now', async () => {
    await withFile('hello', async (node, path) => {
      truncateSync(path, 4);
      await expect(hashFile(node, { signal: noSignal() })).rejects.toBeInstanceOf(ChangedError);
    });
  });
});

describe('a file that was hashed', () => {
  /** Hashes it so long after its last change, changes it, and asks whether it is unchanged. */
  async function isUnchanged(ageMs: number, change: (path: string) => void = () => undefined) {
    let answer: boolean | undefined;
    await withFile('hello', async (node, path, folder) => {
      const changedMs = Number(node.facts.changedNs / 1_000_000n);
      vi.useFakeTimers({ toFake: ['Date'], now: changedMs + ageMs });
      const hashed = await hashFile(node, { signal: noSignal() });
      change(path);
      const content = await openSameFile(folder.handle, [Buffer.from('f')], node.facts.identity);
      answer = await hashed.isUnchanged(content);
      await content.close();
    });
    return answer;
  }

  it('is known to be unchanged if its last change was long ago', async () => {
    expect(await isUnchanged(102)).toBe(true);
  });

  it('is in doubt if it was just written: another change may bear the same time', async () => {
    expect(await isUnchanged(100)).toBe(false);
    expect(await isUnchanged(0)).toBe(false);
  });

  it('has changed if other bytes are in it, whatever time it claims', async () => {
    const rewrite = (path: string): void => {
      const { atime, mtime } = statSync(path);
      writeFileSync(path, 'hullo');
      utimesSync(path, atime, mtime);
    };
    expect(await isUnchanged(5_000, rewrite)).toBe(false);
  });
});

describe('a file that is opened again', () => {
  const names = [Buffer.from('f')];

  it('is the one that was found', async () => {
    await withFile('hello', async (node, _, folder) => {
      const content = await openSameFile(folder.handle, names, node.facts.identity);
      expect(await content.readFile('utf8')).toBe('hello');
      await content.close();
    });
  });

  it('has changed if another one has its name, or none', async () => {
    await withFile('hello', async (node, path, folder) => {
      writeFileSync(`${path}.new`, 'hello');
      renameSync(path, `${path}.old`);
      const opened = openSameFile(folder.handle, names, node.facts.identity);
      await expect(opened).rejects.toBeInstanceOf(ChangedError);
      renameSync(`${path}.new`, path);
      const again = openSameFile(folder.handle, names, node.facts.identity);
      await expect(again).rejects.toBeInstanceOf(ChangedError);
    });
  });

  it('is named as text, whatever its bytes are', () => {
    expect(pathOf([Buffer.from('out'), Buffer.from([0x61, 0xff])])).toBe('out/a%FF');
  });
});
