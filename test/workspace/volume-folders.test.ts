/** Folders of the workspace for an image's volumes belong to the run's user, and what is there already is left as it is. */
import { chmod, mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeVolumeFolders } from '../../src/workspace/volume-folders.js';
import { isRoot, openBelow, scratch } from '../host/scratch.js';
import { makeWorkspace, OWN_USER } from './plan-fixture.js';

describe('folders for the volumes of an image', () => {
  it('are made with what is above them, for nobody but the user of the run', async () => {
    const user = isRoot ? { uid: 65534, gid: 65533 } : OWN_USER;
    const workspace = await makeWorkspace(user);
    await makeVolumeFolders(workspace, ['data', 'var/lib/db', 'var/log'], user);
    for (const path of ['data', 'var', 'var/lib', 'var/lib/db', 'var/log']) {
      const stats = await stat(join(workspace.workspacePath, path));
      expect([path, stats.isDirectory(), stats.mode & 0o7777]).toEqual([path, true, 0o700]);
      expect(stats).toMatchObject(user);
    }
    expect(await openBelow(workspace.path)).toEqual([]);
  });

  it('are left as they are where they are there', async () => {
    const workspace = await makeWorkspace();
    const path = join(workspace.workspacePath, 'data');
    await mkdir(path);
    await chmod(path, 0o755);
    await writeFile(join(path, 'f'), 'x');
    await makeVolumeFolders(workspace, ['data', 'data/below'], OWN_USER);
    expect((await stat(path)).mode & 0o777).toBe(0o755);
    expect((await stat(join(path, 'f'))).size).toBe(1);
    expect((await stat(join(path, 'below'))).mode & 0o777).toBe(0o700);
  });

  it.each([
    ['a file', async (path: string) => writeFile(path, '')],
    ['a link', async (path: string) => symlink('/etc', path)],
  ])('are never made beyond %s', async (_, make) => {
    const workspace = await makeWorkspace();
    await make(join(workspace.workspacePath, 'data'));
    const work = makeVolumeFolders(workspace, ['data/below'], OWN_USER);
    await expect(work).rejects.toMatchObject({
      code: 'workspace.failed',
      message: expect.stringMatching(
        /^the folder for a volume of the image could not be made: "data" is a \w+, not a folder$/,
      ) as string,
    });
    expect(await openBelow(workspace.path)).toEqual([]);
  });

  it('need no workspace where there are none', async () => {
    const workspace = await makeWorkspace();
    const gone = { ...workspace, workspacePath: join(await scratch(), 'none') };
    await makeVolumeFolders(gone, [], OWN_USER);
    await expect(makeVolumeFolders(gone, ['data'], OWN_USER)).rejects.toMatchObject({
      code: 'workspace.failed',
    });
  });
});
