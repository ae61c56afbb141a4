import { createHash } from 'node:crypto';
import { open, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { once } from '../../src/host/chunks.js';
import { createFile, digestContent, readContent } from '../../src/host/file-content.js';
import { makeFolder, makeFolders, NotAFolderError } from '../../src/host/folders.js';
import { openChild, openContent, openDirectory } from '../../src/host/node.js';
import { noSignal, openBelow, scratch } from './scratch.js';

const MIB = 1024 ** 2;

async function* chunksOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}

describe('file content', () => {
  it('writes and reads back any bytes with their size and hash', async () => {
    const path = await scratch();
    const root = await openDirectory(path);
    let count = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 5000 }), { maxLength: 5 }), async (chunks) => {
        const name = `f${String((count += 1))}`;
        const digest = await createFile(root.handle, name, chunksOf(chunks), {
          mode: 0o640,
          signal: noSignal(),
        });
        const all = Buffer.concat(chunks);
        expect(digest).toEqual({
          sizeBytes: all.length,
          sha256: createHash('sha256').update(all).digest('hex'),
        });
        const node = await openChild(root.handle, name);
        const content = await openContent(node);
        expect(await digestContent(content, { signal: noSignal() })).toEqual(digest);
        const read: Uint8Array[] = [];
        for await (const chunk of readContent(content, { signal: noSignal() })) read.push(chunk);
        expect(Buffer.concat(read).equals(all)).toBe(true);
        await content.close();
        await node.handle.close();
      }),
      { numRuns: 30 },
    );
    await root.handle.close();
    expect(await openBelow(path)).toEqual([]);
  });

  it.each([0, 1, 1000, 300_000, MIB - 1, MIB, MIB + 1, 2 * MIB - 1, 2 * MIB, 5 * MIB + 7])(
    'reads all of a file of %i bytes, whatever size it was said to have',
    async (size) => {
      const path = await scratch();
      const bytes = Buffer.alloc(size, 'abc');
      await writeFile(join(path, 'f'), bytes);
      const root = await openDirectory(path);
      const node = await openChild(root.handle, 'f');
      const content = await openContent(node);
      for (const sizeBytes of [undefined, 0, size, Math.max(0, size - 1), size + 1, 10 * size]) {
        const counted: number[] = [];
        const onBytes = (count: number): void => void counted.push(count);
        const digest = await digestContent(content, { sizeBytes, signal: noSignal(), onBytes });
        expect(digest).toEqual({ sizeBytes: size, sha256: createHash('sha256').update(bytes).digest('hex') });
        expect(counted.reduce((sum, count) => sum + count, 0)).toBe(size);
        const read: Uint8Array[] = [];
        for await (const chunk of readContent(content, { sizeBytes, signal: noSignal() })) read.push(chunk);
        expect(Buffer.concat(read).equals(bytes)).toBe(true);
      }
      await content.close();
      await node.handle.close();
      await root.handle.close();
    },
  );

  it('reads nothing any more once its reader has broken off', async () => {
    const path = await scratch();
    await writeFile(join(path, 'f'), Buffer.alloc(4 * MIB, 'abc'));
    const content = await open(join(path, 'f'));
    for await (const chunk of readContent(content, { signal: noSignal() })) {
      expect(chunk.byteLength).toBe(MIB);
      break;
    }
    // A reading under way would hold it open.
    await content.close();
    expect(content.fd).toBe(-1);
    expect(await openBelow(path)).toEqual([]);
  });

  it('says by which error reading ended when its reader comes to it, and not before', async () => {
    const path = await scratch();
    await writeFile(join(path, 'f'), Buffer.alloc(2 * MIB, 'abc'));
    const content = await open(join(path, 'f'));
    const reader = readContent(content, { signal: noSignal() });
    expect((await reader.next()).value).toHaveLength(MIB);
    await content.close();
    expect((await reader.next()).value).toHaveLength(MIB);
    await expect(reader.next()).rejects.toThrow();
  });

  it('sets the mode whatever the umask', async () => {
    const path = await scratch();
    const root = await openDirectory(path);
    const umask = process.umask(0o077);
    try {
      await createFile(root.handle, 'f', once(new Uint8Array(1)), { mode: 0o644, signal: noSignal() });
      await (await makeFolder(root.handle, 'd', { mode: 0o755 })).handle.close();
    } finally {
      process.umask(umask);
    }
    expect((await stat(join(path, 'f'))).mode & 0o777).toBe(0o644);
    expect((await stat(join(path, 'd'))).mode & 0o777).toBe(0o755);
    await root.handle.close();
  });

  it('writes through no link and over no file', async () => {
    const path = await scratch();
    await writeFile(join(path, 'target'), 'old');
    await symlink(join(path, 'target'), join(path, 'link'));
    await symlink(join(path, 'nothing'), join(path, 'dangling'));
    const root = await openDirectory(path);
    for (const name of ['target', 'link', 'dangling']) {
      const made = createFile(root.handle, name, once(Buffer.from('new')), {
        mode: 0o644,
        signal: noSignal(),
      });
      await expect(made).rejects.toMatchObject({ code: 'EEXIST' });
    }
    expect(await readFile(join(path, 'target'), 'utf8')).toBe('old');
    await root.handle.close();
  });

  it('leaves nothing of a body that fails, is refused, or is aborted', async () => {
    const path = await scratch();
    const root = await openDirectory(path);
    const controller = new AbortController();
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(new Uint8Array(10));
      throw new Error('gone');
    }
    async function* aborting(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(new Uint8Array(10));
      controller.abort(new Error('stop'));
      await new Promise(() => undefined);
    }
    const options = { mode: 0o644, signal: controller.signal };
    const onBytes = (): void => {
      throw new Error('limit');
    };
    await expect(createFile(root.handle, 'f', failing(), options)).rejects.toThrow('gone');
    const refused = createFile(root.handle, 'f', once(new Uint8Array(1)), { ...options, onBytes });
    await expect(refused).rejects.toThrow('limit');
    await expect(createFile(root.handle, 'f', aborting(), options)).rejects.toThrow('stop');
    await expect(openChild(root.handle, 'f')).rejects.toMatchObject({ code: 'ENOENT' });
    await root.handle.close();
    expect(await openBelow(path)).toEqual([]);
  });

  it('makes folders through no link and no file', async () => {
    const path = await scratch();
    const outside = await scratch();
    await symlink(outside, join(path, 'link'));
    await writeFile(join(path, 'file'), '');
    const root = await openDirectory(path);
    await expect(makeFolders(root.handle, ['link', 'a'], { mode: 0o755 })).rejects.toBeInstanceOf(
      NotAFolderError,
    );
    await expect(makeFolders(root.handle, ['file', 'a'], { mode: 0o755 })).rejects.toBeInstanceOf(
      NotAFolderError,
    );
    await expect(stat(join(outside, 'a'))).rejects.toMatchObject({ code: 'ENOENT' });
    const deep = await makeFolders(root.handle, ['a', 'b', 'c'], { mode: 0o755 });
    const again = await makeFolders(root.handle, ['a', 'b', 'c'], { mode: 0o700 });
    expect(again.facts.identity).toBe(deep.facts.identity);
    await Promise.all([deep.handle.close(), again.handle.close(), root.handle.close()]);
    expect(await openBelow(path)).toEqual([]);
  });
});
