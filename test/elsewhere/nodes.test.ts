/** File code on a system that gives no path to an open node: what was exchanged meanwhile is found out. */
import { mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { createFile } from '../../src/host/file-content.js';
import { makeFolders } from '../../src/host/folders.js';
import {
  childPath,
  findChild,
  openBeneath,
  openChild,
  openContent,
  openDirectory,
} from '../../src/host/node.js';
import { removeTree } from '../../src/host/remove-tree.js';
import { thisProcess } from '../../src/host/this-process.js';
import { once } from '../../src/host/chunks.js';
import { noSignal, openBelow, scratch } from '../host/scratch.js';

afterEach(() => {
  Object.assign(thisProcess, { platform: 'darwin' });
});

it('reads the file that was opened, or none', async () => {
  const path = await scratch();
  await writeFile(join(path, 'name'), 'mine');
  const root = await openDirectory(path);
  const node = await openChild(root.handle, 'name');
  const content = await openContent(node);
  expect((await content.readFile()).toString()).toBe('mine');
  await content.close();
  await rename(join(path, 'name'), join(path, 'moved'));
  await symlink('/etc/passwd', join(path, 'name'));
  await expect(openContent(node)).rejects.toThrow();
  await node.handle.close();
  await root.handle.close();
  expect(await openBelow(path)).toEqual([]);
});

it('walks down from the folder that was opened, or not at all', async () => {
  const path = await scratch();
  await mkdir(join(path, 'a/b'), { recursive: true });
  const root = await openDirectory(join(path, 'a'));
  const { node } = await openBeneath(root.handle, ['b']);
  expect(node?.facts.type).toBe('directory');
  await node?.handle.close();
  await rename(join(path, 'a'), join(path, 'moved'));
  await mkdir(join(path, 'a/b'), { recursive: true });
  await expect(openBeneath(root.handle, ['b'])).rejects.toMatchObject({ code: 'workspace.failed' });
  await root.handle.close();
  expect(await openBelow(path)).toEqual([]);
});

it('follows no link, and takes names for nothing but names', async () => {
  const path = await scratch();
  await symlink('/etc', join(path, 'etc'));
  const root = await openDirectory(path);
  expect(await openBeneath(root.handle, ['etc', 'passwd'])).toEqual({ node: null, blockedBy: 'symlink' });
  expect(await findChild(root.handle, 'none')).toBeNull();
  expect(() => childPath(root.handle, '..')).toThrow(/is not the name/);
  expect(childPath(root.handle, Buffer.from([0xff]))).toEqual(
    Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0xff])]),
  );
  await root.handle.close();
});

it('makes folders and files, and removes them', async () => {
  const path = await scratch();
  const root = await openDirectory(path);
  const made = await makeFolders(root.handle, ['a', 'b'], { mode: 0o700 });
  const body = once(Buffer.from('text'));
  await createFile(made.handle, 'file', body, { mode: 0o640, signal: noSignal() });
  await made.handle.close();
  expect((await readFile(join(path, 'a/b/file'))).toString()).toBe('text');
  await symlink('/etc', join(path, 'a/link'));
  await removeTree(root.handle, 'a');
  expect(await findChild(root.handle, 'a')).toBeNull();
  await root.handle.close();
  expect(await openBelow(path)).toEqual([]);
});

it('is refused on Windows, whose names may be paths', async () => {
  Object.assign(thisProcess, { platform: 'win32' });
  await expect(openDirectory(await scratch())).rejects.toMatchObject({
    code: 'workspace.unsupported_platform',
    hint: expect.stringContaining('Subsystem for Linux') as string,
  });
});
