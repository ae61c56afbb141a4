/** Open nodes on systems that give no path to them: found again by path, and only as the same. */
import { mkdir, open, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openByPath, openSame, pathOfHandle } from '../../src/host/path-nodes.js';
import { makeFifo, openBelow, scratch } from './scratch.js';

it('remembers where a file or folder was found, and reads the file', async () => {
  const path = join(await scratch(), 'file');
  await writeFile(path, 'mine');
  const { handle, stats } = await openByPath(path, false);
  expect([pathOfHandle(handle), stats.size]).toEqual([path, 4n]);
  expect((await handle.readFile()).toString()).toBe('mine');
  await handle.close();
});

it('finds links and FIFOs without opening them', async () => {
  const folder = await scratch();
  await symlink('/etc/passwd', join(folder, 'link'));
  makeFifo(join(folder, 'fifo'));
  for (const [name, is] of [
    ['link', 'isSymbolicLink'],
    ['fifo', 'isFIFO'],
  ] as const) {
    const { handle, stats } = await openByPath(join(folder, name), false);
    expect(stats[is]()).toBe(true);
    expect(pathOfHandle(handle)).toBe(join(folder, name));
    expect(await openBelow(folder)).toEqual([folder]);
    await handle.close();
  }
});

it('finds them also in a folder whose name is not UTF-8', async () => {
  const folder = Buffer.concat([Buffer.from(`${await scratch()}/`), Buffer.from([0xff])]);
  const path = Buffer.concat([folder, Buffer.from('/link')]);
  await mkdir(folder);
  await symlink('/etc/passwd', path);
  const { handle, stats } = await openByPath(path, false);
  expect(stats.isSymbolicLink()).toBe(true);
  await handle.close();
});

it('takes nothing but a folder for one', async () => {
  const folder = await scratch();
  await mkdir(join(folder, 'folder'));
  await writeFile(join(folder, 'file'), '');
  await symlink(folder, join(folder, 'link'));
  const { handle } = await openByPath(join(folder, 'folder'), true);
  await handle.close();
  for (const name of ['file', 'link']) {
    await expect(openByPath(join(folder, name), true)).rejects.toMatchObject({ code: 'ENOTDIR' });
  }
  await expect(openByPath(join(folder, 'none'), true)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await openBelow(folder)).toEqual([]);
});

it('opens no other node in the place of one that was looked at', async () => {
  const folder = await scratch();
  const path = join(folder, 'file');
  await writeFile(path, 'mine');
  const seen = await stat(path, { bigint: true });
  await (await openSame(path, seen)).close();
  await rename(path, join(folder, 'moved'));
  await writeFile(path, 'another');
  await expect(openSame(path, seen)).rejects.toMatchObject({ code: 'workspace.failed' });
  expect(await openBelow(folder)).toEqual([]);
});

it('knows no path of what was opened elsewhere', async () => {
  const handle = await open(await scratch());
  expect(() => pathOfHandle(handle)).toThrow(/opened elsewhere/);
  await handle.close();
});
