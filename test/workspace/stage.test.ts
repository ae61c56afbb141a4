import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StorageError } from '../../src/errors.js';
import { filesystemStorage } from '../../src/storage/filesystem.js';
import { memoryStorage } from '../../src/storage/memory.js';
import type { StageProgress } from '../../src/workspace/stage.js';
import { isRoot, openBelow, scratch } from '../host/scratch.js';
import { fromData, inline, makeWorkspace, planOf, stageInputs, stageOptions } from './plan-fixture.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('staging inputs', () => {
  it('stages files, folders with empty folders, inline content and the configuration file beside the workspace', async () => {
    const workspace = await makeWorkspace();
    const plan = planOf({
      inputs: [
        {
          id: 'words',
          source: fromData('/in//words.txt'),
          workspacePath: 'a/words.txt',
          mountPath: '/data/words.txt',
        },
        { source: fromData('/tree'), workspacePath: 'tree' },
        { source: { type: 'inline', content: 'AAEC', encoding: 'base64' }, workspacePath: 'bytes.bin' },
      ],
      configFile: { filename: 'config/job.json', mountPath: '/etc-like/job.json' },
    });
    const data = memoryStorage({
      'in/words.txt': 'one two',
      'tree/x/y.txt': 'y',
      'tree/empty/': '',
      'other/z': 'z',
    });
    const progress: StageProgress[] = [];
    const staged = await stageInputs(workspace, plan, {
      ...stageOptions({ storage: { data }, configFile: Buffer.from('{}') }),
      onProgress: (one) => progress.push(one),
    });
    const [words, tree, bytes] = staged.reports;
    expect(words).toEqual({
      id: 'words',
      workspacePath: 'a/words.txt',
      mountPath: '/data/words.txt',
      state: 'staged',
      type: 'file',
      files: 1,
      sizeBytes: 7,
      sha256: sha256('one two'),
    });
    expect(tree).toMatchObject({ state: 'staged', type: 'directory', files: 1, sizeBytes: 1 });
    expect(tree?.sha256).toBe(sha256(JSON.stringify([['x/y.txt', 1, sha256('y')]])));
    expect(bytes).toMatchObject({ sizeBytes: 3, type: 'file' });
    const at = (path: string): string => join(workspace.inputsPath, path);
    expect(await readFile(at('0'), 'utf8')).toBe('one two');
    expect(await readFile(at('1/x/y.txt'), 'utf8')).toBe('y');
    expect(await readdir(at('1'))).toEqual(['empty', 'x']);
    expect([...(await readFile(at('2')))]).toEqual([0, 1, 2]);
    expect(await readFile(at('config'), 'utf8')).toBe('{}');
    for (const [path, mode] of [
      ['0', 0o444],
      ['1', 0o755],
      ['1/x/y.txt', 0o444],
      ['config', 0o444],
    ] as const) {
      expect((await stat(at(path))).mode & 0o777).toBe(mode);
    }
    expect(staged).toMatchObject({ files: 4, sizeBytes: 13, warnings: [] });
    expect(staged.skipped.size).toBe(0);
    expect(progress).toContainEqual({ workspacePath: 'config/job.json', files: 1, sizeBytes: 2 });
    expect(progress).toHaveLength(4);

    const mountPoints = ['a/words.txt', 'tree', 'bytes.bin', 'config/job.json'];
    const identities = await Promise.all(
      mountPoints.map(async (path) => {
        const stats = await stat(join(workspace.workspacePath, path));
        expect(stats.isDirectory()).toBe(path === 'tree');
        if (path !== 'tree') expect(stats.size).toBe(0);
        return `${String(stats.dev)}:${String(stats.ino)}`;
      }),
    );
    expect([...staged.placeholders].sort()).toEqual(identities.sort());
    expect(await openBelow(workspace.path)).toEqual([]);
  });

  it.runIf(isRoot)(
    'gives mount points, their parents and files to the user of the run, inputs to nobody new',
    async () => {
      const user = { uid: 65534, gid: 65533 };
      const workspace = await makeWorkspace(user);
      const plan = planOf({ inputs: [{ source: inline('x'), workspacePath: 'deep/er/in.txt' }] });
      await stageInputs(workspace, plan, stageOptions({ user, files: { 'src/main.sh': 'echo' } }));
      for (const path of ['deep', 'deep/er', 'deep/er/in.txt', 'src', 'src/main.sh']) {
        expect(await stat(join(workspace.workspacePath, path))).toMatchObject(user);
      }
      expect(await stat(join(workspace.inputsPath, '0'))).toMatchObject({ uid: 0 });
    },
  );

  it('skips optional inputs that are not there, without a mount point', async () => {
    const workspace = await makeWorkspace();
    const data = memoryStorage({ 'vanishing.txt': 'x' });
    const gone = new StorageError('storage.not_found', 'gone');
    const vanishing = { ...data, read: () => Promise.reject(gone) };
    const plan = planOf({
      inputs: [
        { source: fromData('/none'), workspacePath: 'a', optional: true },
        { source: { type: 'filestoreNode', nodeId: '7' }, workspacePath: 'b', optional: true },
        { source: fromData('/vanishing.txt'), workspacePath: 'c', optional: true },
        { source: inline('x'), workspacePath: 'd' },
      ],
    });
    const resolveNode = (): Promise<null> => Promise.resolve(null);
    const staged = await stageInputs(
      workspace,
      plan,
      stageOptions({ storage: { data: vanishing }, resolveNode }),
    );
    expect([...staged.skipped]).toEqual([0, 1, 2]);
    expect(staged.reports[0]).toMatchObject({ state: 'skipped', type: null, files: 0, sha256: null });
    expect(await readdir(workspace.workspacePath)).toEqual(['d']);
    expect(await readdir(workspace.inputsPath)).toEqual(['3']);
  });

  it('names a required input that is not there', async () => {
    const data = memoryStorage();
    const plan = planOf({ inputs: [{ id: 'words', source: fromData('/none'), workspacePath: 'a' }] });
    await expect(
      stageInputs(await makeWorkspace(), plan, stageOptions({ storage: { data } })),
    ).rejects.toMatchObject({
      code: 'storage.not_found',
      message: 'input "words" was not found: nothing is at "none" in storage "data"',
    });
  });

  it('finds nodes through the resolver', async () => {
    const workspace = await makeWorkspace();
    const data = memoryStorage({ 'x/f.txt': 'node' });
    const plan = planOf({ inputs: [{ source: { type: 'filestoreNode', nodeId: '7' }, workspacePath: 'a' }] });
    const asked: string[] = [];
    const resolveNode = (nodeId: string): Promise<{ mountId: string; path: string }> => {
      asked.push(nodeId);
      return Promise.resolve({ mountId: 'data', path: '/x/f.txt' });
    };
    await stageInputs(workspace, plan, stageOptions({ storage: { data }, resolveNode }));
    expect(asked).toEqual(['7']);
    expect(await readFile(join(workspace.inputsPath, '0'), 'utf8')).toBe('node');
  });

  it.each([
    ['an unknown mount', { source: fromData('/x'), workspacePath: 'b' }, undefined],
    [
      'a mount every object has',
      { source: { type: 'filestorePath', backendMountId: 'constructor', path: '/x' }, workspacePath: 'b' },
      undefined,
    ],
    [
      'a node without a resolver',
      { source: { type: 'filestoreNode', nodeId: '7' }, workspacePath: 'b' },
      undefined,
    ],
    [
      'a node in an unknown mount',
      { source: { type: 'filestoreNode', nodeId: '7' }, workspacePath: 'b' },
      () => Promise.resolve({ mountId: 'nope', path: 'x' }),
    ],
  ] as const)('refuses %s before anything is staged', async (_, input, resolveNode) => {
    const workspace = await makeWorkspace();
    await (await workspace.openInputs()).handle.close();
    const plan = planOf({ inputs: [{ source: inline('x'), workspacePath: 'a' }, input] });
    const work = stageInputs(
      workspace,
      plan,
      stageOptions({ storage: { other: memoryStorage() }, resolveNode }),
    );
    await expect(work).rejects.toMatchObject({ code: 'storage.unknown_mount' });
    expect(await readdir(workspace.inputsPath)).toEqual([]);
    expect(await readdir(workspace.workspacePath)).toEqual([]);
  });

  it('refuses an unknown mount of an output before anything is staged', async () => {
    const upload = {
      backendMountId: '5',
      pathTemplate: 'x',
      contentType: null,
      mode: null,
      overwrite: false,
    };
    const plan = planOf({
      inputs: [{ source: inline('x'), workspacePath: 'a' }],
      outputs: [{ id: 'pdf', upload }],
    });
    const work = stageInputs(await makeWorkspace(), plan, stageOptions({ storage: { 3: memoryStorage() } }));
    await expect(work).rejects.toMatchObject({
      code: 'storage.unknown_mount',
      message: 'output "pdf": there is no storage "5"',
      hint: 'storages there are: 3',
    });
  });
});

it('leaves out of a folder what another run has not published yet', async () => {
  const workspace = await makeWorkspace();
  const plan = planOf({ inputs: [{ source: fromData('/tree'), workspacePath: 'tree' }] });
  const data = memoryStorage({
    'tree/done.txt': 'done',
    'tree/sub/.berthkit-temporary-0123-0': 'half',
  });
  const staged = await stageInputs(workspace, plan, stageOptions({ storage: { data } }));
  expect(staged.reports).toMatchObject([{ files: 1, sizeBytes: 4 }]);
  expect(await readdir(join(workspace.inputsPath, '0'), { recursive: true })).toEqual(['done.txt', 'sub']);
});

describe('a folder of a real file system as input', () => {
  it('is staged without its links', async () => {
    const workspace = await makeWorkspace();
    const root = await scratch();
    await mkdir(join(root, 'tree/empty'), { recursive: true });
    await writeFile(join(root, 'tree/f'), 'f');
    await symlink('/etc/passwd', join(root, 'tree/link'));
    const plan = planOf({ inputs: [{ source: fromData('/tree'), workspacePath: 'in' }] });
    await stageInputs(workspace, plan, stageOptions({ storage: { data: filesystemStorage(root) } }));
    expect(await readdir(join(workspace.inputsPath, '0'))).toEqual(['empty', 'f']);
    expect(await openBelow(root)).toEqual([]);
  });
});
