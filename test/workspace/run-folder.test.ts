/** Folders of a run are made beneath a root that is the caller's alone, found again only as the same, and removed only if they are. */
import { chmod, lstat, mkdir, readdir, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WorkspaceError } from '../../src/errors.js';
import { removeTreeAt } from '../../src/host/remove-tree.js';
import {
  createWorkspace,
  openRunFolder,
  openWorkspaceFolder,
  reopenWorkspace,
} from '../../src/workspace/create.js';
import {
  openIdentical,
  prepareRoot,
  rootProblem,
  toWorkspaceError,
  verifyFolders,
} from '../../src/workspace/run-folder.js';
import { isRoot, openBelow, scratch } from '../host/scratch.js';
import { makeWorkspace, OWN_USER } from './plan-fixture.js';
import { smallFileSystem } from './small-file-system.js';

const identityOf = async (path: string): Promise<string> => {
  const { dev, ino } = await lstat(path, { bigint: true });
  return `${String(dev)}:${String(ino)}`;
};

describe('what fails in a workspace', () => {
  const systemError = (code: string): Error => Object.assign(new Error(`${code}: no`), { code });

  it.each([
    ['ENOSPC', 'free some space on the disk of workspaceRoot, or set another workspaceRoot'],
    ['EDQUOT', 'free some space on the disk of workspaceRoot, or set another workspaceRoot'],
    ['EACCES', undefined],
  ])('is told as ours, with what to do about it if that is known (%s)', (code, hint) => {
    const cause = systemError(code);
    const error = toWorkspaceError('it failed', cause);
    expect(error).toBeInstanceOf(WorkspaceError);
    expect(error).toMatchObject({ code: 'workspace.failed', message: `it failed: ${code}: no`, hint, cause });
  });

  it('is told as it is if it is ours already, and as text if it is no error', () => {
    const own = new WorkspaceError('workspace.too_large', 'too large');
    expect(toWorkspaceError('it failed', own)).toBe(own);
    expect(toWorkspaceError('it failed', 'text')).toMatchObject({ message: 'it failed: text' });
  });

  it.skipIf(!isRoot)('says what to do when the disk is full, and leaves nothing behind', async () => {
    const root = await smallFileSystem();
    for (let index = 0; index < 198; index += 1) await writeFile(join(root, `f${String(index)}`), '');
    const before = await readdir(root);
    const making = createWorkspace(root, { name: 'test', user: OWN_USER });
    await expect(making).rejects.toMatchObject({
      code: 'workspace.failed',
      message: expect.stringMatching(/^the folder for this run could not be made: ENOSPC/) as string,
      hint: expect.stringContaining('free some space') as string,
    });
    expect(await readdir(root)).toEqual(before);
  });
});

describe('a root', () => {
  it('is made with what is above it, for nobody else, and taken as it is the next time', async () => {
    const outer = await scratch();
    const root = join(outer, 'a/b');
    expect(await prepareRoot(root, 'workspaceRoot')).toBe(root);
    expect(await prepareRoot(root, 'workspaceRoot')).toBe(root);
    for (const path of [root, join(outer, 'a')]) expect((await stat(path)).mode & 0o777).toBe(0o700);
    await chmod(root, 0o755);
    expect(await prepareRoot(root, 'workspaceRoot')).toBe(root);
    expect(await openBelow(outer)).toEqual([]);
  });

  it.each([
    ['workspaceRoot', 'the workspace root', 0o720, '720'],
    ['secretsRoot', 'the root of secret files', 0o702, '702'],
  ] as const)('is refused with what to do about it: %s', async (setting, name, mode, octal) => {
    const outer = await scratch();
    const [open, link] = [join(outer, 'open'), join(outer, 'link')];
    await mkdir(open);
    await chmod(open, mode);
    await symlink(open, link);
    const hint = `set ${setting} to a folder of this user that nobody else may write to`;
    await expect(prepareRoot(open, setting)).rejects.toMatchObject({
      code: 'workspace.failed',
      message: `${name} ${open} may be written to by others (mode ${octal}); make it 0700`,
      hint,
    });
    await expect(prepareRoot(link, setting)).rejects.toMatchObject({
      message: `${name} ${link} is a symbolic link; give the folder it points to`,
      hint,
    });
    expect(await openBelow(outer)).toEqual([]);
  });

  it('is told to be in the way of runs before there is one, and is not made for that', async () => {
    const outer = await scratch();
    const problem = async (path: string): Promise<string | null> =>
      rootProblem(join(outer, path), 'workspaceRoot');
    await writeFile(join(outer, 'f'), '');
    await mkdir(join(outer, 'open'));
    await chmod(join(outer, 'open'), 0o777);
    await symlink('open', join(outer, 'link'));
    expect(await problem('f')).toMatch(/^the workspace root .*\/f: .*ENOTDIR/);
    expect(await problem('f/a/b')).toMatch(/ENOTDIR/);
    expect(await problem('open')).toMatch(/may be written to by others/);
    expect(await problem('link')).toMatch(/is a symbolic link/);
    expect(await problem('a/b/c')).toBeNull();
    expect((await readdir(outer)).sort()).toEqual(['f', 'link', 'open']);
    expect(await openBelow(outer)).toEqual([]);
  });

  it('cannot be made beneath a file', async () => {
    const outer = await scratch();
    await writeFile(join(outer, 'f'), '');
    await expect(prepareRoot(join(outer, 'f/root'), 'workspaceRoot')).rejects.toMatchObject({
      code: 'ENOTDIR',
    });
    await expect(prepareRoot(join(outer, 'f'), 'workspaceRoot')).rejects.toMatchObject({ code: 'ENOTDIR' });
  });
});

describe('a folder that was made for a run', () => {
  it('is opened if it is still the same', async () => {
    const path = await scratch();
    const { handle, facts } = await openIdentical(path, await identityOf(path));
    expect(facts.type).toBe('directory');
    expect(await openBelow(path)).toEqual([path]);
    await handle.close();
    await verifyFolders([[path, await identityOf(path)]]);
    expect(await openBelow(path)).toEqual([]);
  });

  it('is not opened if it is another one, or none', async () => {
    const [path, other] = [await scratch(), await scratch()];
    const identity = await identityOf(other);
    await expect(openIdentical(path, identity)).rejects.toMatchObject({
      code: 'workspace.failed',
      message: `${path} is not the folder that was made for this run any more`,
    });
    const none = join(path, 'none');
    await expect(openIdentical(none, identity)).rejects.toMatchObject({
      code: 'workspace.failed',
      message: expect.stringContaining(
        `${none} is not the folder that was made for this run: ENOENT`,
      ) as string,
    });
    const both = verifyFolders([
      [other, identity],
      [path, identity],
    ]);
    await expect(both).rejects.toMatchObject({ code: 'workspace.failed' });
    expect(await openBelow(path)).toEqual([]);
  });

  it('is removed with all that is in it, but not what is in its place by now', async () => {
    const root = await scratch();
    const path = join(root, 'run');
    await mkdir(join(path, 'd'), { recursive: true });
    const identity = await identityOf(path);
    await rename(path, join(root, 'moved'));
    await mkdir(path);
    await removeTreeAt(path, { identity });
    expect(await readdir(root)).toEqual(['moved', 'run']);
    await removeTreeAt(path);
    await removeTreeAt(join(root, 'moved'), { identity });
    expect(await readdir(root)).toEqual([]);
    await removeTreeAt(join(root, 'none/run'), { identity });
    await writeFile(join(root, 'f'), '');
    await expect(removeTreeAt(join(root, 'f/run'), { identity })).rejects.toMatchObject({
      code: 'ENOTDIR',
    });
    expect(await openBelow(root)).toEqual([]);
  });

  it('is found again by another process, part by part', async () => {
    const made = await makeWorkspace();
    expect(made.identity.inputs).toBeNull();
    await (await made.openInputs()).handle.close();
    const { path, identity, workspacePath, inputsPath } = await reopenWorkspace(made);
    expect({ path, identity, workspacePath, inputsPath }).toEqual({
      ...{ path: made.path, identity: made.identity },
      ...{ workspacePath: made.workspacePath, inputsPath: made.inputsPath },
    });
    for (const [opened, expected] of [
      [openRunFolder(made), identity.run],
      [openWorkspaceFolder(made), identity.workspace],
      [made.openInputs(), identity.inputs],
    ] as const) {
      const { handle, facts } = await opened;
      await handle.close();
      expect(facts.identity).toBe(expected);
    }
    for (const part of ['run', 'workspace', 'inputs'] as const) {
      const other = { path, identity: { ...identity, [part]: '1:1' } };
      await expect(reopenWorkspace(other)).rejects.toMatchObject({ code: 'workspace.failed' });
    }
  });
});
