/** Folders as a tar: what is in it, what is refused, and that nothing stays open. */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openDirectory, type OpenNode } from '../../src/host/node.js';
import { readEntries } from '../../src/testing/tar-entries.js';
import { packTar, type TarParts } from '../../src/workspace/pack-tar.js';
import { makeFifo, noSignal, scratch } from '../host/scratch.js';

const LIMITS = { entries: 100, depth: 8 };

async function folderWith(fill: (path: string) => void): Promise<{ folder: OpenNode; path: string }> {
  const path = await scratch();
  fill(path);
  const folder = await openDirectory(path);
  onTestFinished(() => folder.handle.close());
  return { folder, path };
}

const pack = (folder: OpenNode, more: Partial<TarParts> = {}, name = 'in'): AsyncGenerator<Uint8Array> =>
  packTar({
    folders: [{ folder, name, owner: null }],
    links: [],
    limits: LIMITS,
    signal: noSignal(),
    ...more,
  });

const drain = async (tar: AsyncIterable<Uint8Array>): Promise<number> => {
  let bytes = 0;
  for await (const chunk of tar) bytes += chunk.byteLength;
  return bytes;
};

const identityOf = (path: string): string => {
  const { dev, ino } = statSync(path, { bigint: true });
  return `${String(dev)}:${String(ino)}`;
};

const openFiles = (): number => readdirSync('/proc/self/fd').length;

describe('packTar', () => {
  it('packs everything with its mode, time and owner, and links after it', async () => {
    const { folder, path } = await folderWith((at) => {
      mkdirSync(join(at, 'sub'));
      writeFileSync(join(at, 'sub/ü'), 'text');
      writeFileSync(join(at, 'run'), '');
      chmodSync(join(at, 'run'), 0o755);
      chmodSync(join(at, 'sub/ü'), 0o640);
      utimesSync(join(at, 'run'), 1_000_000_000, 1_000_000_000);
    });
    chmodSync(path, 0o700);
    const again = await openDirectory(path);
    onTestFinished(() => again.handle.close());
    const owner = { uid: 1234, gid: 5678 };
    const tar = packTar({
      folders: [
        { folder: again, name: 'a/b', owner: null },
        { folder, name: 'c', owner },
      ],
      links: [{ name: 'a/link', target: '/x/y', owner }],
      limits: LIMITS,
      signal: noSignal(),
    });
    const entries = await readEntries(tar);
    const own = { uid: process.geteuid?.(), gid: process.getegid?.() };
    expect(entries.map(({ name }) => name)).toEqual(
      ['a/b/', 'a/b/run', 'a/b/sub/', 'a/b/sub/ü', 'a/link', 'c/', 'c/run', 'c/sub/', 'c/sub/ü'].sort(),
    );
    const find = (name: string) => entries.find((entry) => entry.name === name);
    expect(find('a/b/')).toMatchObject({ type: 'directory', mode: 0o700, ...own });
    expect(find('a/b/run')).toMatchObject({ mode: 0o755, mtime: 1_000_000_000, text: '', ...own });
    expect(find('c/sub/ü')).toMatchObject({ mode: 0o640, ...owner });
    expect(Buffer.from(find('c/sub/ü')?.text ?? '', 'latin1').toString()).toBe('text');
    expect(find('a/link')).toMatchObject({ type: 'symlink', linkname: '/x/y', ...owner });
  });

  it('packs a link in the place of what a folder has there, and nothing beneath it', async () => {
    const { folder } = await folderWith((at) => {
      mkdirSync(join(at, 'sub/a/b'), { recursive: true });
      writeFileSync(join(at, 'sub/file'), '');
      writeFileSync(join(at, 'sub/file2'), '');
    });
    const owner = { uid: 1, gid: 1 };
    const links = ['in/sub/a', 'in/sub/file'].map((name) => ({ name, target: '/x', owner }));
    const entries = await readEntries(pack(folder, { links }));
    expect(entries.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'in/ directory',
      'in/sub/ directory',
      'in/sub/a symlink',
      'in/sub/file symlink',
      'in/sub/file2 file',
    ]);
  });

  it('is read by others: a long path, and a file of some mebibytes that are not held', async () => {
    const name = 'n'.repeat(200);
    const { folder } = await folderWith((at) => {
      mkdirSync(join(at, name));
      writeFileSync(join(at, name, name), Buffer.alloc(5_000_001, 'x'));
    });
    const target = await scratch();
    const parts: Uint8Array[] = [];
    for await (const chunk of pack(folder)) parts.push(chunk);
    execFileSync('tar', ['-xf', '-', '-C', target], { input: Buffer.concat(parts) });
    expect(execFileSync('wc', ['-c', join(target, 'in', name, name)]).toString()).toMatch(/^5000001 /);
  });

  it.each<[string, (path: string) => void, RegExp]>([
    ['a link', (at) => symlinkSync('/etc/passwd', join(at, 'x')), /"in\/x" is a symbolic link/],
    ['a FIFO', (at) => makeFifo(join(at, 'x')), /"in\/x" is a FIFO/],
    [
      'a name that is not UTF-8',
      (at) => writeFileSync(Buffer.concat([Buffer.from(`${at}/`), Buffer.from([0xff])]), ''),
      /not UTF-8/,
    ],
  ])('refuses %s', async (_, plant, message) => {
    const { folder } = await folderWith(plant);
    await expect(drain(pack(folder))).rejects.toMatchObject({
      code: 'workspace.failed',
      message: expect.stringMatching(message) as string,
    });
  });

  it.each<[string, (path: string) => void]>([
    ['longer', (path) => appendFileSync(path, 'x')],
    ['shorter', (path) => truncateSync(path, 1_000_000)],
  ])('fails for a file that becomes %s meanwhile', async (_, change) => {
    const { folder, path } = await folderWith((at) => writeFileSync(join(at, 'x'), Buffer.alloc(4_000_000)));
    const before = openFiles();
    const reading = async (): Promise<void> => {
      let bytes = 0;
      for await (const chunk of pack(folder)) {
        const isBegun = bytes === 0 && chunk.byteLength > 512;
        if (isBegun) change(join(path, 'x'));
        if (isBegun || bytes > 0) bytes += chunk.byteLength;
      }
    };
    await expect(reading()).rejects.toMatchObject({
      code: 'workspace.failed',
      message: expect.stringMatching(/"in\/x" changed while it was sent/) as string,
    });
    expect(openFiles()).toBe(before);
  });

  it('leaves nothing open when its reader breaks off, or it is given up', async () => {
    const { folder } = await folderWith((at) => writeFileSync(join(at, 'x'), Buffer.alloc(4_000_000)));
    const before = openFiles();
    for await (const chunk of pack(folder)) {
      expect(chunk.byteLength).toBeGreaterThan(0);
      break;
    }
    expect(openFiles()).toBe(before);
    const giving = new AbortController();
    const reason = new Error('enough');
    const reading = async (): Promise<void> => {
      for await (const chunk of pack(folder, { signal: giving.signal })) {
        expect(chunk.byteLength).toBeGreaterThan(0);
        giving.abort(reason);
      }
    };
    await expect(reading()).rejects.toBe(reason);
    expect(openFiles()).toBe(before);
  });

  it('takes contents from elsewhere for files it is told of, as long as it is told', async () => {
    const { folder, path } = await folderWith((at) => {
      mkdirSync(join(at, 'sub'));
      for (const name of ['sub/x', 'x']) writeFileSync(join(at, name), 'mine', { mode: 0o444 });
    });
    const signals: AbortSignal[] = [];
    const elsewhere = {
      sizeBytes: 1_000_001,
      async *bytes(signal: AbortSignal) {
        signals.push(signal);
        yield await Promise.resolve(Buffer.alloc(1_000_000, 'e'));
        yield Uint8Array.of(101);
      },
    };
    const { signal } = new AbortController();
    const entries = await readEntries(
      pack(folder, { contents: new Map([[identityOf(join(path, 'sub/x')), elsewhere]]), signal }),
    );
    expect(entries.map(({ name, mode, text }) => [name, mode, text])).toEqual([
      ['in/', 0o700, ''],
      ['in/sub/', expect.any(Number), ''],
      ['in/sub/x', 0o444, 'e'.repeat(1_000_001)],
      ['in/x', 0o444, 'mine'],
    ]);
    expect(signals).toEqual([signal]);
  });

  it.each([0, 1, 1_000_000])(
    'ends with what contents from elsewhere fail with after %i bytes, and without an end mark',
    async (bytes) => {
      const { folder, path } = await folderWith((at) => writeFileSync(join(at, 'x'), ''));
      const mine = new Error('mine');
      const failing = {
        sizeBytes: 1_000_000,
        async *bytes() {
          if (bytes > 0) yield await Promise.resolve(Buffer.alloc(bytes, 'e'));
          throw mine;
        },
      };
      const before = openFiles();
      const parts: Uint8Array[] = [];
      const reading = async (): Promise<void> => {
        for await (const chunk of pack(folder, {
          contents: new Map([[identityOf(join(path, 'x')), failing]]),
        }))
          parts.push(chunk);
      };
      await expect(reading()).rejects.toBe(mine);
      expect(Buffer.concat(parts).subarray(-1024).equals(Buffer.alloc(1024))).toBe(false);
      expect(openFiles()).toBe(before);
    },
  );

  it('keeps to the limits', async () => {
    const { folder } = await folderWith((at) => {
      for (const name of ['a', 'b', 'c']) writeFileSync(join(at, name), '');
    });
    await expect(drain(pack(folder, { limits: { entries: 2, depth: 8 } }))).rejects.toMatchObject({
      code: 'workspace.too_large',
    });
  });
});
