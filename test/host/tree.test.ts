import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDirectory } from '../../src/host/node.js';
import { removeTree, type RemoveOptions } from '../../src/host/remove-tree.js';
import { walk, type WalkOptions } from '../../src/host/walk.js';
import { isRoot, makeFifo, noSignal, openBelow, scratch } from './scratch.js';

const remove = async (path: string, options: RemoveOptions = {}): Promise<void> => {
  const parent = await openDirectory(dirname(path));
  try {
    await removeTree(parent.handle, basename(path), options);
  } finally {
    await parent.handle.close();
  }
};

const list = async (path: string, options: Partial<WalkOptions> = {}): Promise<string[]> => {
  const root = await openDirectory(path);
  const entries: string[] = [];
  try {
    for await (const { names, facts } of walk(root.handle, {
      maxEntries: 1000,
      maxDepth: 32,
      signal: noSignal(),
      ...options,
    })) {
      entries.push(`${facts.type} ${names.map((name) => name.toString('latin1')).join('/')}`);
    }
  } finally {
    await root.handle.close();
  }
  return entries;
};

const NOBODY = 65_534;

/** Does some work as another user of the system. */
async function as(user: number, work: () => Promise<void>): Promise<void> {
  process.seteuid?.(user);
  try {
    await work();
  } finally {
    process.seteuid?.(0);
  }
}

/** A chain far deeper than any path may be long. */
function makeDeep(path: string, depth: number): void {
  execFileSync('python3', [
    '-c',
    `import os,sys\nos.chdir(sys.argv[1])\nfor i in range(int(sys.argv[2])):\n os.mkdir('d'); os.chdir('d')\nopen('f','w').close()`,
    path,
    String(depth),
  ]);
}

describe('walk', () => {
  it('lists parents first, empty folders, odd names, and links as links', async () => {
    const path = await scratch();
    mkdirSync(join(path, 'b/empty'), { recursive: true });
    writeFileSync(join(path, 'b', 'new\nline'), '');
    writeFileSync(Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0xff, 0xfe])]), '');
    symlinkSync('/etc', join(path, 'a'));
    makeFifo(join(path, '-rf'));
    expect(await list(path)).toEqual([
      'fifo -rf',
      'symlink a',
      'directory b',
      'file \xff\xfe',
      'directory b/empty',
      'file b/new\nline',
    ]);
    expect(await openBelow(path)).toEqual([]);
  });

  it('stops at the caps and not before', async () => {
    const path = await scratch();
    for (let index = 0; index < 10; index += 1) writeFileSync(join(path, String(index)), '');
    expect(await list(path, { maxEntries: 10 })).toHaveLength(10);
    await expect(list(path, { maxEntries: 9 })).rejects.toMatchObject({ code: 'workspace.too_large' });
    mkdirSync(join(path, 'a/b/c'), { recursive: true });
    expect(await list(path, { maxDepth: 3 })).toHaveLength(13);
    await expect(list(path, { maxDepth: 2 })).rejects.toMatchObject({ code: 'workspace.too_large' });
  });

  it('stops when aborted', async () => {
    const path = await scratch();
    await mkdir(join(path, 'a'));
    await expect(list(path, { signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop');
  });
});

describe('removeTree', () => {
  it('removes what is hostile and follows no link', async () => {
    const path = await scratch();
    const outside = await scratch();
    await writeFile(join(outside, 'keep'), 'kept');
    const tree = join(path, 'tree');
    mkdirSync(join(tree, 'locked/within'), { recursive: true });
    writeFileSync(join(tree, 'locked/within/f'), '');
    symlinkSync(outside, join(tree, 'locked/within/link'));
    symlinkSync(outside, join(tree, 'link'));
    makeFifo(join(tree, 'fifo'));
    writeFileSync(join(tree, 'new\nline'), '');
    writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff])]), '');
    mkdirSync(join(tree, '.removing-0/.removing-1'), { recursive: true });
    writeFileSync(join(tree, '.removing-0/.removing-1/f'), '');
    writeFileSync(join(tree, '.removing-2'), '');
    chmodSync(join(tree, 'locked/within'), 0);
    chmodSync(join(tree, 'locked'), 0);
    await remove(tree);
    expect(await readdir(path)).toEqual([]);
    expect(await readFile(join(outside, 'keep'), 'utf8')).toBe('kept');
    expect(await openBelow(path)).toEqual([]);
  });

  it.skipIf(!isRoot)('removes folders without permissions for somebody who is not root', async () => {
    const path = await scratch();
    const tree = join(path, 'tree');
    mkdirSync(join(tree, 'a/b/c'), { recursive: true });
    writeFileSync(join(tree, 'a/b/c/f'), '');
    for (const each of ['a/b/c', 'a/b', 'a', '']) chmodSync(join(tree, each), 0);
    execFileSync('chown', ['-R', `${String(NOBODY)}:${String(NOBODY)}`, path]);
    await as(NOBODY, () => remove(tree));
    expect(await readdir(path)).toEqual([]);
  });

  it('removes a link and not what it points to', async () => {
    const path = await scratch();
    const outside = await scratch();
    await writeFile(join(outside, 'keep'), '');
    await symlink(outside, join(path, 'tree'));
    await remove(join(path, 'tree'));
    expect(await readdir(path)).toEqual([]);
    expect(await readdir(outside)).toEqual(['keep']);
  });

  it('removes 10,000 levels, which a walk refuses', { timeout: 300_000 }, async () => {
    const path = await scratch();
    const tree = join(path, 'tree');
    await mkdir(tree);
    makeDeep(tree, 10_000);
    await expect(list(tree)).rejects.toMatchObject({ code: 'workspace.too_large' });
    await remove(tree);
    expect(await readdir(path)).toEqual([]);
  });

  it('removes 20,000 files in folders', { timeout: 300_000 }, async () => {
    const path = await scratch();
    const tree = join(path, 'tree');
    for (let folder = 0; folder < 200; folder += 1) {
      mkdirSync(join(tree, String(folder)), { recursive: true });
      for (let file = 0; file < 100; file += 1) writeFileSync(join(tree, String(folder), String(file)), '');
    }
    await remove(tree);
    expect(await readdir(path)).toEqual([]);
  });

  it('takes what is missing for done, and leaves another node of the same name alone', async () => {
    const path = await scratch();
    await remove(join(path, 'nothing'));
    await mkdir(join(path, 'other'));
    await remove(join(path, 'other'), { identity: '0:0' });
    expect((await stat(join(path, 'other'))).isDirectory()).toBe(true);
  });

  it('stops when aborted', async () => {
    const path = await scratch();
    mkdirSync(join(path, 'tree/a/b'), { recursive: true });
    await expect(
      remove(join(path, 'tree'), { signal: AbortSignal.abort(new Error('stop')) }),
    ).rejects.toThrow('stop');
  });
});
