import { chmodSync, chownSync } from 'node:fs';
import { chmod, mkdir, readdir, rename, rmdir, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createWorkspace, type Workspace } from '../../src/workspace/create.js';
import {
  namesBeneathWorkspace,
  runFolderPrefix,
  stagedName,
  WORKSPACE_FOLDER,
} from '../../src/workspace/layout.js';
import { MARK_FILE } from '../../src/workspace/owner-mark.js';
import { isRoot, openBelow, scratch } from '../host/scratch.js';
import { OWN_USER } from './plan-fixture.js';
import { mountSmall } from './small-file-system.js';

const MARK = { instance: 'test', owner: 'host.1', runId: 'r' };
const options = { name: 'Nightly report/2024', user: OWN_USER };

describe('createWorkspace', () => {
  it('makes a folder of its own for each run, closed to others', async () => {
    const root = join(await scratch(), 'missing/root');
    const workspace = await createWorkspace(root, options);
    const other = await createWorkspace(root, options);
    expect(workspace.path).not.toBe(other.path);
    expect(await readdir(workspace.path)).toEqual([WORKSPACE_FOLDER]);
    await (await workspace.openInputs()).handle.close();
    expect(basename(workspace.path)).toMatch(/^run-Nightly-report-2024-[A-Za-z0-9]{6}$/);
    for (const folder of [root, workspace.path, workspace.workspacePath, workspace.inputsPath]) {
      expect((await stat(folder)).mode & 0o777).toBe(0o700);
    }
    await workspace.verify();
    await workspace.remove();
    await workspace.remove();
    expect(await readdir(root)).toEqual([basename(other.path)]);
    expect(await openBelow(root)).toEqual([]);
  });

  it.runIf(isRoot)('gives only the writable part to the user of the run', async () => {
    const workspace = await createWorkspace(await scratch(), {
      ...options,
      user: { uid: 65534, gid: 65533 },
    });
    expect(await stat(workspace.workspacePath)).toMatchObject({ uid: 65534, gid: 65533 });
    expect(await stat(workspace.path)).toMatchObject({ uid: 0 });
    await (await workspace.openInputs()).handle.close();
    expect(await stat(workspace.inputsPath)).toMatchObject({ uid: 0 });
    await writeFile(join(workspace.workspacePath, 'f'), '');
    chownSync(join(workspace.workspacePath, 'f'), 1234, 1234);
    chmodSync(workspace.workspacePath, 0);
    await workspace.remove();
    await expect(stat(workspace.path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.runIf(isRoot)('refuses a root of somebody else', async () => {
    const root = await scratch();
    chownSync(root, 1234, 1234);
    await expect(createWorkspace(root, options)).rejects.toThrow(/belongs to uid 1234/);
  });

  it('refuses a root in a place that takes no folders, at once', async () => {
    await expect(createWorkspace('/proc/berthkit/root', options)).rejects.toMatchObject({
      code: 'workspace.failed',
    });
  });

  it('refuses a root that is a link, a file, or open to others', async () => {
    const outer = await scratch();
    await mkdir(join(outer, 'real'));
    await symlink(join(outer, 'real'), join(outer, 'link'));
    await writeFile(join(outer, 'file'), '');
    await mkdir(join(outer, 'open'));
    await chmod(join(outer, 'open'), 0o770);
    const failed = { code: 'workspace.failed' };
    await expect(createWorkspace(join(outer, 'link'), options)).rejects.toMatchObject({
      message: expect.stringMatching(/^the workspace root .* is a symbolic link/) as string,
      hint: 'set workspaceRoot to a folder of this user that nobody else may write to',
    });
    await expect(createWorkspace(join(outer, 'file'), options)).rejects.toMatchObject(failed);
    await expect(createWorkspace(join(outer, 'open'), options)).rejects.toThrow(
      /may be written to by others \(mode 770\)/,
    );
    expect(await readdir(join(outer, 'real'))).toEqual([]);
  });

  it('resolves links above the root once', async () => {
    const outer = await scratch();
    await mkdir(join(outer, 'real'), { mode: 0o700 });
    await symlink(join(outer, 'real'), join(outer, 'link'));
    const workspace = await createWorkspace(join(outer, 'link', 'root'), options);
    expect(workspace.path.startsWith(join(outer, 'real', 'root'))).toBe(true);
  });

  it('notices when any of its folders was replaced', async () => {
    const root = await scratch();
    const elsewhere = await scratch();
    for (const replaced of ['path', 'workspacePath', 'inputsPath'] as const) {
      const workspace = await createWorkspace(root, options);
      await (await workspace.openInputs()).handle.close();
      await rename(workspace[replaced], join(elsewhere, replaced));
      await expect(workspace.verify()).rejects.toMatchObject({ code: 'workspace.failed' });
      // Not even by a folder of the same kind.
      await mkdir(workspace[replaced]);
      if (replaced !== 'path') await expect(workspace.verify()).rejects.toThrow(/any more/);
      await rmdir(workspace[replaced]);
      await symlink(join(elsewhere, replaced), workspace[replaced]);
      await expect(workspace.verify()).rejects.toMatchObject({ code: 'workspace.failed' });
    }
  });

  it('does not remove a folder that took its place', async () => {
    const root = await scratch();
    const workspace = await createWorkspace(root, { ...options, mark: MARK });
    await rename(workspace.path, join(root, 'moved'));
    await mkdir(workspace.workspacePath, { recursive: true });
    await writeFile(join(workspace.path, MARK_FILE), '');
    await workspace.remove();
    expect(await readdir(root)).toEqual(['moved', basename(workspace.path)]);
    expect(await readdir(workspace.path)).toEqual([MARK_FILE, WORKSPACE_FOLDER]);
  });

  it.each<[string, (workspace: Workspace) => Promise<unknown>]>([
    ['with nothing in it', async () => Promise.resolve()],
    ['with files in the workspace', async (of) => writeFile(join(of.workspacePath, 'f'), '')],
    ['with inputs', async (of) => (await of.openInputs()).handle.close()],
    ['with more than was made in it', async (of) => mkdir(join(of.path, 'brought'))],
    ['without its mark', async (of) => unlink(join(of.path, MARK_FILE))],
    ['without its workspace', async (of) => rmdir(of.workspacePath)],
  ])('is removed %s, as if it never was', async (_, prepare) => {
    const root = await scratch();
    const workspace = await createWorkspace(root, { ...options, mark: MARK });
    await prepare(workspace);
    await workspace.remove();
    expect(await readdir(root)).toEqual([]);
    expect(await openBelow(root)).toEqual([]);
  });

  it('is not removed once that is given up', async () => {
    const workspace = await createWorkspace(await scratch(), options);
    await writeFile(join(workspace.workspacePath, 'f'), '');
    const reason = new Error('enough');
    await expect(workspace.remove(AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(await readdir(workspace.workspacePath)).toEqual(['f']);
  });

  it.runIf(isRoot)('says so where not all of it can be removed', async () => {
    const workspace = await createWorkspace(await scratch(), options);
    await mountSmall(join(workspace.workspacePath, 'busy'));
    await expect(workspace.remove()).rejects.toMatchObject({
      code: 'workspace.failed',
      message: expect.stringContaining(`${workspace.path} could not be removed completely: `) as string,
    });
  });

  it('makes nothing once aborted', async () => {
    const root = await scratch();
    const signal = AbortSignal.abort(new Error('stop'));
    await expect(createWorkspace(root, { ...options, signal })).rejects.toThrow('stop');
    expect(await readdir(root)).toEqual([]);
  });
});

describe('layout', () => {
  it('makes a safe, bounded folder name of any text', () => {
    expect(runFolderPrefix('')).toBe('run-job-');
    expect(runFolderPrefix('../..')).toBe('run-job-');
    expect(runFolderPrefix('a // b!')).toBe('run-a-b-');
    expect(runFolderPrefix(`--${'x'.repeat(23)}-y`)).toBe(`run-${'x'.repeat(23)}-`);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(runFolderPrefix(name)).toMatch(/^run-[A-Za-z0-9](?:[A-Za-z0-9-]{0,22}[A-Za-z0-9])?-$/);
      }),
    );
  });

  it.each([
    '<workspace>/inputs/',
    '<workspace>/inputs/.',
    '<workspace>/inputs/..',
    '<workspace>/inputs/a/b',
    '<workspace>/workspace/0',
    '/etc/x',
  ])('refuses to stage at %s', (stagedAt) => {
    expect(() => stagedName(stagedAt)).toThrow(/is not beneath/);
  });

  it.each([
    ['/workspace', '/workspace/a/b', ['a', 'b']],
    ['/workspace/', '/workspace//a', ['a']],
    ['/workspace', '/workspace', null],
    ['/workspace', '/workspace2/a', null],
    ['/workspace', '/data', null],
    ['/a/b', '/a', null],
  ])('beneath %s, %s has the names %j', (mount, target, names) => {
    expect(namesBeneathWorkspace(mount, target)).toEqual(names);
    expect(stagedName('<workspace>/inputs/7')).toBe('7');
  });
});
