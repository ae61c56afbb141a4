import { execFileSync } from 'node:child_process';
import { link, mkdir, rename, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { childPath, openBeneath, openChild, openContent, openDirectory } from '../../src/host/node.js';
import { isRoot, makeFifo, openBelow, scratch } from './scratch.js';

describe('opening without following links', () => {
  it.each(['', '.', '..', 'a/b', '/etc', 'a\0b'])('refuses %j as the name of one child', async (name) => {
    const root = await openDirectory(await scratch());
    expect(() => childPath(root.handle, name)).toThrow(/is not the name/);
    expect(() => childPath(root.handle, Buffer.from(name))).toThrow(/is not the name/);
    await root.handle.close();
  });

  it('refuses a link as the folder itself', async () => {
    const path = await scratch();
    await symlink('/etc', join(path, 'link'));
    await expect(openDirectory(join(path, 'link'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  it('does not walk through a link in the middle, and says what stood there', async () => {
    const path = await scratch();
    await symlink('/etc', join(path, 'etc'));
    await writeFile(join(path, 'file'), '');
    const root = await openDirectory(path);
    expect(await openBeneath(root.handle, ['etc', 'passwd'])).toEqual({ node: null, blockedBy: 'symlink' });
    expect(await openBeneath(root.handle, ['file', 'x'])).toEqual({ node: null, blockedBy: 'file' });
    expect(await openBeneath(root.handle, ['none', 'x'])).toEqual({ node: null, blockedBy: null });
    await root.handle.close();
    expect(await openBelow(path)).toEqual([]);
  });

  it('tells every type without opening the thing', async () => {
    const path = await scratch();
    await mkdir(join(path, 'directory'));
    await writeFile(join(path, 'file'), 'x');
    await symlink('/etc/passwd', join(path, 'symlink'));
    makeFifo(join(path, 'fifo'));
    const server = createServer().listen(join(path, 'socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    if (isRoot) execFileSync('mknod', [join(path, 'device'), 'c', '1', '3']);
    const root = await openDirectory(path);
    for (const name of ['directory', 'file', 'symlink', 'fifo', 'socket', ...(isRoot ? ['device'] : [])]) {
      const node = await openChild(root.handle, name);
      expect(node.facts.type).toBe(name);
      if (name !== 'file')
        await expect(openContent(node)).rejects.toMatchObject({ code: 'workspace.failed' });
      await node.handle.close();
    }
    await root.handle.close();
    server.close();
  });

  it('reads the file that was opened, not what its name stands for later', async () => {
    const path = await scratch();
    await writeFile(join(path, 'name'), 'mine');
    const root = await openDirectory(path);
    const node = await openChild(root.handle, 'name');
    await symlink('/etc/passwd', join(path, 'other'));
    await rename(join(path, 'other'), join(path, 'name'));
    const content = await openContent(node);
    expect(await content.readFile('utf8')).toBe('mine');
    await Promise.all([content.close(), node.handle.close(), root.handle.close()]);
  });

  it('tells hard links, logical size and identity', async () => {
    const path = await scratch();
    await writeFile(join(path, 'a'), '');
    await truncate(join(path, 'a'), 2 ** 40);
    await link(join(path, 'a'), join(path, 'b'));
    const root = await openDirectory(path);
    const [a, b] = [await openChild(root.handle, 'a'), await openChild(root.handle, 'b')];
    expect(a.facts).toMatchObject({ links: 2, sizeBytes: 2 ** 40 });
    expect(a.facts.identity).toBe(b.facts.identity);
    expect(a.facts.identity).not.toBe(root.facts.identity);
    await Promise.all([a.handle.close(), b.handle.close(), root.handle.close()]);
  });
});
