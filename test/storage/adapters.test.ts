import { createHash } from 'node:crypto';
import { link, mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesystemStorage } from '../../src/storage/filesystem.js';
import { memoryStorage } from '../../src/storage/memory.js';
import type { StorageAdapter, WriteOptions } from '../../src/storage/types.js';
import { makeFifo, noSignal, openBelow, scratch } from '../host/scratch.js';

async function* chunksOf(...chunks: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(Buffer.from(chunk));
}

const announce = (text: string, options: Partial<WriteOptions> = {}): WriteOptions => ({
  sizeBytes: Buffer.byteLength(text),
  sha256: createHash('sha256').update(text).digest('hex'),
  contentType: null,
  overwrite: false,
  metadata: {},
  idempotencyKey: `key-${String(Math.random())}`,
  signal: noSignal(),
  ...options,
});

const put = async (
  storage: StorageAdapter,
  path: string,
  text: string,
  options: Partial<WriteOptions> = {},
) => storage.write(path, chunksOf(text), announce(text, options));

const get = async (storage: StorageAdapter, path: string): Promise<string> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await storage.read(path, { signal: noSignal() })) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

const listAll = async (storage: StorageAdapter, prefix: string): Promise<string[]> => {
  const paths: string[] = [];
  for await (const entry of storage.list(prefix, { signal: noSignal() })) {
    paths.push(`${entry.type} ${entry.path} ${String(entry.sizeBytes)}`);
  }
  return paths;
};

const adapters: [string, () => Promise<StorageAdapter>][] = [
  ['filesystem', async () => filesystemStorage(join(await scratch(), 'made/on/demand'))],
  ['memory', async () => Promise.resolve(memoryStorage())],
];

describe.each(adapters)('the %s storage', (_, make) => {
  it('stores, describes, lists and reads', async () => {
    const storage = await make();
    expect(await storage.stat('', { signal: noSignal() })).toMatchObject({ type: 'directory' });
    expect(await listAll(storage, '')).toEqual([]);
    expect(await put(storage, 'a/b/c.txt', 'hello')).toMatchObject({
      path: 'a/b/c.txt',
      type: 'file',
      sizeBytes: 5,
    });
    await put(storage, 'a/d.txt', '');
    expect(await storage.stat('a/b/c.txt', { signal: noSignal() })).toMatchObject({
      type: 'file',
      sizeBytes: 5,
    });
    expect(await storage.stat('a/b', { signal: noSignal() })).toMatchObject({
      type: 'directory',
      sizeBytes: 0,
    });
    expect(await storage.stat('a/x', { signal: noSignal() })).toBeNull();
    expect(await storage.stat('a/d.txt/x', { signal: noSignal() })).toBeNull();
    expect(await get(storage, 'a/b/c.txt')).toBe('hello');
    const listed = await listAll(storage, 'a');
    expect([...listed].sort()).toEqual(['directory a/b 0', 'file a/b/c.txt 5', 'file a/d.txt 0']);
    expect(listed.indexOf('directory a/b 0')).toBeLessThan(listed.indexOf('file a/b/c.txt 5'));
  });

  it('says what is not there', async () => {
    const storage = await make();
    await put(storage, 'f', 'x');
    await expect(get(storage, 'none')).rejects.toMatchObject({ code: 'storage.not_found' });
    await expect(get(storage, '')).rejects.toMatchObject({ code: 'storage.not_found' });
    await expect(listAll(storage, 'none')).rejects.toMatchObject({ code: 'storage.not_found' });
    await expect(listAll(storage, 'f')).rejects.toMatchObject({ code: 'storage.not_found' });
  });

  it.each(['../x', 'a/../../x', 'a//b', './a', 'a/.', 'a\0b', '..'])('refuses the path %j', async (path) => {
    const storage = await make();
    await expect(storage.stat(path, { signal: noSignal() })).rejects.toMatchObject({
      code: 'storage.failed',
    });
    await expect(get(storage, path)).rejects.toMatchObject({ code: 'storage.failed' });
    await expect(listAll(storage, path)).rejects.toMatchObject({ code: 'storage.failed' });
    await expect(put(storage, path, 'x')).rejects.toMatchObject({ code: 'storage.failed' });
  });

  it('replaces only when told to, and repeats a write that was done', async () => {
    const storage = await make();
    await put(storage, 'f', 'one', { idempotencyKey: 'first' });
    await expect(put(storage, 'f', 'one')).rejects.toMatchObject({ code: 'storage.exists' });
    expect(await put(storage, 'f', 'one', { idempotencyKey: 'first' })).toMatchObject({ sizeBytes: 3 });
    await put(storage, 'f', 'three', { overwrite: true });
    expect(await get(storage, 'f')).toBe('three');
    await expect(put(storage, 'f', 'one', { idempotencyKey: 'first' })).rejects.toMatchObject({
      code: 'storage.exists',
    });
    await expect(put(storage, 'g', 'other', { idempotencyKey: 'first' })).resolves.toMatchObject({
      path: 'g',
    });
  });

  it('of many writers without overwrite exactly one wins', async () => {
    const storage = await make();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_value, index) => put(storage, 'deep/f', `body ${String(index)}`)),
    );
    const won = outcomes.flatMap((outcome, index) => (outcome.status === 'fulfilled' ? [index] : []));
    expect(won).toHaveLength(1);
    expect(await get(storage, 'deep/f')).toBe(`body ${String(won[0])}`);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'storage.exists' });
    }
  });

  it('keeps nothing of a body that is short, long, wrong, failing, aborted or hanging', async () => {
    const storage = await make();
    const controller = new AbortController();
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('on'));
      throw new Error('source broke');
    }
    async function* hanging(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('on'));
      controller.abort(new Error('stop'));
      await new Promise(() => undefined);
    }
    const failed = { code: 'storage.failed' };
    await expect(storage.write('f', chunksOf('on'), announce('one'))).rejects.toMatchObject(failed);
    await expect(storage.write('f', chunksOf('one', 'more'), announce('one'))).rejects.toMatchObject(failed);
    await expect(storage.write('f', chunksOf('two'), announce('one'))).rejects.toMatchObject(failed);
    await expect(storage.write('f', failing(), announce('one'))).rejects.toThrow('source broke');
    const { signal } = controller;
    await expect(storage.write('f', hanging(), announce('one', { signal }))).rejects.toThrow('stop');
    await expect(put(storage, 'f', 'one', { signal })).rejects.toThrow('stop');
    await expect(storage.stat('f', { signal })).rejects.toThrow('stop');
    await expect(storage.read('f', { signal })).rejects.toThrow('stop');
    expect(await storage.stat('f', { signal: noSignal() })).toBeNull();
    expect(await listAll(storage, '')).toEqual([]);
  });

  it('a failed overwrite leaves the old object whole', async () => {
    const storage = await make();
    await put(storage, 'f', 'old');
    const written = storage.write('f', chunksOf('ne'), announce('new', { overwrite: true }));
    await expect(written).rejects.toMatchObject({ code: 'storage.failed' });
    expect(await get(storage, 'f')).toBe('old');
  });

  it('refuses a file where a folder is and a folder where a file is', async () => {
    const storage = await make();
    await put(storage, 'a/b', 'x');
    await expect(put(storage, 'a', 'x')).rejects.toMatchObject({ code: 'storage.failed' });
    await expect(put(storage, 'a', 'x', { overwrite: true })).rejects.toMatchObject({
      code: 'storage.failed',
    });
    await expect(put(storage, 'a/b/c', 'x')).rejects.toMatchObject({ code: 'storage.failed' });
    await expect(put(storage, '', 'x')).rejects.toMatchObject({ code: 'storage.failed' });
    expect(await get(storage, 'a/b')).toBe('x');
  });
});

describe('the filesystem storage, on a hostile folder', () => {
  it('follows and lists no link, and reads no FIFO', async () => {
    const root = await scratch();
    const outside = await scratch();
    await writeFile(join(outside, 'secret'), 'host');
    await symlink(join(outside, 'secret'), join(root, 'file'));
    await symlink(outside, join(root, 'folder'));
    makeFifo(join(root, 'fifo'));
    const storage = filesystemStorage(root);
    const signal = noSignal();
    for (const path of ['file', 'folder', 'folder/secret', 'fifo']) {
      expect(await storage.stat(path, { signal })).toBeNull();
      await expect(get(storage, path)).rejects.toMatchObject({ code: 'storage.not_found' });
    }
    await expect(listAll(storage, 'folder')).rejects.toMatchObject({ code: 'storage.not_found' });
    expect(await listAll(storage, '')).toEqual([]);
    await expect(put(storage, 'folder/new', 'x')).rejects.toMatchObject({ code: 'storage.failed' });
    await expect(put(storage, 'file', 'x')).rejects.toMatchObject({ code: 'storage.exists' });
    await put(storage, 'file', 'mine', { overwrite: true });
    expect(await readFile(join(root, 'file'), 'utf8')).toBe('mine');
    expect(await readFile(join(outside, 'secret'), 'utf8')).toBe('host');
    expect(await readdir(outside)).toEqual(['secret']);
    expect(await openBelow(root)).toEqual([]);
  });

  it('replaces the name and not the bytes that another name has', async () => {
    const root = await scratch();
    await writeFile(join(root, 'a'), 'old');
    await link(join(root, 'a'), join(root, 'b'));
    await put(filesystemStorage(root), 'a', 'new', { overwrite: true });
    expect(await readFile(join(root, 'b'), 'utf8')).toBe('old');
  });

  it('hides an unfinished upload and cleans it up', async () => {
    const root = await scratch();
    const storage = filesystemStorage(root);
    const seen: string[][] = [];
    async function* watching(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('one'));
      seen.push(await readdir(root), await listAll(storage, ''));
    }
    await storage.write('f', watching(), announce('one'));
    expect(seen[0]).toHaveLength(1);
    expect(seen[1]).toEqual([]);
    expect(await readdir(root)).toEqual(['f']);
    expect((await stat(join(root, 'f'))).nlink).toBe(1);
    await expect(put(storage, seen[0]?.[0] ?? '', 'x')).rejects.toMatchObject({ code: 'storage.failed' });
  });

  it('leaves no folder of a write that fails, and none that somebody else made', async () => {
    const root = await scratch();
    const storage = filesystemStorage(root);
    await mkdir(join(root, 'theirs'));
    const short = async (path: string): Promise<unknown> =>
      storage.write(path, chunksOf('on'), announce('one'));
    for (const path of ['a/b/f', 'theirs/c/f']) {
      await expect(short(path)).rejects.toMatchObject({ code: 'storage.failed' });
    }
    await expect(put(storage, `a/b/${'n'.repeat(300)}`, 'x')).rejects.toMatchObject({
      code: 'storage.failed',
    });
    await expect(put(storage, `a/${'n'.repeat(300)}/f`, 'x')).rejects.toMatchObject({
      code: 'storage.failed',
    });
    expect(await readdir(root, { recursive: true })).toEqual(['theirs']);
    expect(await openBelow(root)).toEqual([]);
  });

  it('writes into folders that others, which fail, make and remove meanwhile', async () => {
    const root = await scratch();
    const storage = filesystemStorage(root);
    const names = Array.from({ length: 40 }, (_value, index) => `shared/deep/f${String(index)}`);
    const outcomes = await Promise.allSettled(
      names.map((name, index) =>
        put(storage, index % 2 === 0 ? name : `shared/deep/${'n'.repeat(300)}`, name),
      ),
    );
    const kept = names.filter((_name, index) => index % 2 === 0);
    expect(outcomes.map(({ status }) => status)).toEqual(
      names.map((_name, index) => (index % 2 === 0 ? 'fulfilled' : 'rejected')),
    );
    expect((await listAll(storage, 'shared/deep')).map((line) => line.split(' ')[1]).sort()).toEqual(
      [...kept].sort(),
    );
  });

  it('lists nothing of a transaction that is not committed, and leaves nothing of one that is aborted', async () => {
    const root = await scratch();
    const storage = filesystemStorage(root);
    const begin = (transactionId: string) => {
      const transaction = storage.begin?.({ transactionId });
      if (transaction === undefined) throw new Error('no transactions');
      return transaction;
    };
    const left = begin('left');
    await left.write('a/b/f', chunksOf('one'), announce('one'));
    expect(await listAll(storage, '')).toEqual([]);
    await left.abort({ signal: noSignal() });
    expect(await readdir(root)).toEqual([]);

    const blocked = begin('blocked');
    await blocked.write('c/d/f', chunksOf('one'), announce('one'));
    await blocked.write('e', chunksOf('one'), announce('one'));
    await put(storage, 'c/x', 'another');
    await writeFile(join(root, 'e'), 'in the way');
    await expect(blocked.commit({ signal: noSignal() })).rejects.toMatchObject({ code: 'storage.exists' });
    await blocked.abort({ signal: noSignal() });
    expect((await readdir(root, { recursive: true })).sort()).toEqual(['c', 'c/x', 'e']);
  });

  it('takes back the folders of a commit that fails in its middle', async () => {
    const root = await scratch();
    const transaction = filesystemStorage(root).begin?.({ transactionId: 'late' });
    await transaction?.write('a/f', chunksOf('one'), announce('one'));
    await transaction?.write(`b/${'n'.repeat(300)}`, chunksOf('one'), announce('one'));
    await transaction?.write('c/f', chunksOf('one'), announce('one'));
    await expect(transaction?.commit({ signal: noSignal() })).rejects.toMatchObject({
      code: 'storage.failed',
    });
    expect((await listAll(filesystemStorage(root), '')).sort()).toEqual([]);
    await transaction?.abort({ signal: noSignal() });
    expect(await readdir(root)).toEqual([]);
  });

  it('says that a name is not UTF-8 instead of leaving it out', async () => {
    const root = await scratch();
    await writeFile(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x61, 0xff])]), '');
    await expect(listAll(filesystemStorage(root), '')).rejects.toThrow('the name "a%ff" is not valid UTF-8');
  });

  it('may itself be reached through a link', async () => {
    const outer = await scratch();
    await mkdir(join(outer, 'real'));
    await symlink(join(outer, 'real'), join(outer, 'link'));
    await put(filesystemStorage(join(outer, 'link')), 'f', 'x');
    expect(await readdir(join(outer, 'real'))).toEqual(['f']);
  });

  it('copies to a new local file only, through no link, and no more than was announced', async () => {
    const root = await scratch();
    const local = await scratch();
    await writeFile(join(root, 'file'), 'twelve bytes');
    await symlink(join(root, 'file'), join(root, 'link'));
    await symlink(join(local, 'elsewhere'), join(local, 'planted'));
    const storage = filesystemStorage(root);
    const copy = (path: string, name: string, sizeBytes?: number): Promise<void> | undefined =>
      storage.copyTo?.(path, join(local, name), { sizeBytes, signal: noSignal() });
    await copy('file', 'copy', 12);
    expect(await readFile(join(local, 'copy'), 'utf8')).toBe('twelve bytes');
    expect(await stat(join(local, 'copy'))).toMatchObject({ nlink: 1, size: 12 });
    await expect(copy('link', 'other')).rejects.toMatchObject({ code: 'storage.not_found' });
    await expect(copy('', 'other')).rejects.toMatchObject({ code: 'storage.not_found' });
    await expect(copy('file', 'other', 11)).rejects.toMatchObject({ code: 'storage.failed' });
    await expect(copy('file', 'copy')).rejects.toMatchObject({ code: 'storage.failed' });
    await expect(copy('file', 'planted')).rejects.toMatchObject({ code: 'storage.failed' });
    expect((await readdir(local)).sort()).toEqual(['copy', 'planted']);
  });

  it('does not hold a file open for a stream that nobody reads or that is broken off', async () => {
    const root = await scratch();
    const storage = filesystemStorage(root);
    await put(storage, 'f', 'x'.repeat(1_000_000));
    await storage.read('f', { signal: noSignal() });
    for await (const chunk of await storage.read('f', { signal: noSignal() })) {
      expect(chunk.byteLength).toBeGreaterThan(0);
      break;
    }
    expect(await openBelow(root)).toEqual([]);
  });
});

describe('the memory storage', () => {
  it('starts with files and empty folders and can be looked into', async () => {
    const storage = memoryStorage({ 'b.txt': 'text', 'a.bin': new Uint8Array([1]), 'empty/': '' });
    expect(await listAll(storage, '')).toEqual(['file a.bin 1', 'file b.txt 4', 'directory empty 0']);
    expect(Object.keys(storage.files())).toEqual(['a.bin', 'b.txt']);
    storage.files()['a.bin']?.fill(9);
    expect(storage.files()['a.bin']).toEqual(new Uint8Array([1]));
    expect(await storage.stat('b.txt', { signal: noSignal() })).toMatchObject({
      sha256: createHash('sha256').update('text').digest('hex'),
    });
    expect(() => memoryStorage({ '../x': '' })).toThrow(/is not a path/);
  });
});
