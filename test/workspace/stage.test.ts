import { createHash } from 'node:crypto';
import { readFile, readdir, stat, symlink, writeFile, mkdir, chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesystemStorage } from '../../src/storage/filesystem.js';
import { memoryStorage } from '../../src/storage/memory.js';
import { type StageProgress, stageInputs } from '../../src/workspace/stage.js';
import { isRoot, makeFifo, openBelow, scratch } from '../host/scratch.js';
import { fromData, inline, makeWorkspace, planOf, stageOptions } from './plan-fixture.js';

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
    expect(tree).toMatchObject({ state: 'staged', type: 'directory', files: 1, sizeBytes: 1, sha256: null });
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
    const vanishing = { ...data, read: () => Promise.reject(Object.assign(new Error(), {})) };
    const { StorageError } = await import('../../src/errors.js');
    vanishing.read = () => Promise.reject(new StorageError('storage.not_found', 'gone'));
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

describe('limits of staging', () => {
  const data = memoryStorage({ five: '12345', 'tree/a': '1', 'tree/b/c': '22' });
  const stageWith = async (limits: object, source = fromData('five'), files = {}): Promise<unknown> => {
    const plan = planOf({ inputs: [{ source, workspacePath: 'in' }], limits });
    return stageInputs(await makeWorkspace(), plan, stageOptions({ storage: { data }, files }));
  };
  const tooLarge = { code: 'workspace.too_large' };

  it.each([
    ['inputBytes', 5],
    ['downloadBytes', 5],
    ['fileBytes', 5],
  ])('%s: equal is allowed, one more is not', async (limit, bytes) => {
    await stageWith({ [limit]: bytes });
    await expect(stageWith({ [limit]: bytes - 1 })).rejects.toMatchObject(tooLarge);
  });

  it('says the numbers', async () => {
    await expect(stageWith({ inputBytes: 4 })).rejects.toThrow(
      'workspace inputs total 5 bytes, more than the limit of 4 (maxWorkspaceBytes)',
    );
  });

  it('counts inline content, the files of the caller and whole folders, but only storages for downloads', async () => {
    await stageWith({ downloadBytes: 0 }, inline('12345'));
    await expect(stageWith({ inputBytes: 4 }, inline('12345'))).rejects.toMatchObject(tooLarge);
    await stageWith({ inputBytes: 6 }, inline('123'), { f: '123' });
    await expect(stageWith({ inputBytes: 5 }, inline('123'), { f: '123' })).rejects.toMatchObject(tooLarge);
    await stageWith({ inputBytes: 3 }, fromData('tree'));
    await expect(stageWith({ inputBytes: 2 }, fromData('tree'))).rejects.toMatchObject(tooLarge);
    await stageWith({ inputBytes: null }, fromData('tree'));
  });

  it('caps entries and depth', async () => {
    await stageWith({ entries: 4, depth: 2 }, fromData('tree'));
    await expect(stageWith({ entries: 3 }, fromData('tree'))).rejects.toMatchObject(tooLarge);
    await expect(stageWith({ depth: 1 }, fromData('tree'))).rejects.toMatchObject(tooLarge);
  });

  it('stops a stream of the caller that has no end', async () => {
    let given = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield await Promise.resolve(new Uint8Array((given += 1000) && 1000));
    }
    await expect(stageWith({ fileBytes: 10_000 }, inline(''), { f: endless() })).rejects.toMatchObject(
      tooLarge,
    );
    expect(given).toBeLessThan(20_000);
  });
});

describe('files of the caller', () => {
  it('takes text, bytes, streams, local files and folders, and keeps who may run what', async () => {
    const workspace = await makeWorkspace();
    const local = await scratch();
    await mkdir(join(local, 'dir/empty'), { recursive: true });
    await writeFile(join(local, 'dir/run.sh'), 'x');
    await chmod(join(local, 'dir/run.sh'), 0o700);
    await writeFile(join(local, 'dir/plain'), 'p');
    await writeFile(Buffer.concat([Buffer.from(join(local, 'dir/')), Buffer.from([0xff])]), 'odd');
    await symlink('/etc/passwd', join(local, 'dir/link'));
    makeFifo(join(local, 'dir/fifo'));
    async function* stream(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('one '));
      yield Buffer.from('two');
    }
    const staged = await stageInputs(workspace, planOf({}), {
      ...stageOptions(),
      files: {
        'text.txt': 'tëxt',
        'bytes.bin': new Uint8Array([1, 2]),
        'stream.txt': stream(),
        'tool.sh': { content: '#!/bin/sh', executable: true },
        'copy.txt': { path: join(local, 'dir/plain') },
        src: { path: join(local, 'dir') },
        'src/more.txt': 'more',
      },
    });
    const at = (path: string): string => join(workspace.workspacePath, path);
    expect(await readFile(at('text.txt'), 'utf8')).toBe('tëxt');
    expect(await readFile(at('stream.txt'), 'utf8')).toBe('one two');
    expect(await readFile(at('copy.txt'), 'utf8')).toBe('p');
    expect((await readdir(at('src'), { encoding: 'latin1' })).sort()).toEqual([
      'empty',
      'more.txt',
      'plain',
      'run.sh',
      '\xff',
    ]);
    const mode = async (path: string): Promise<number> => (await stat(at(path))).mode & 0o777;
    expect(await Promise.all(['text.txt', 'tool.sh', 'src/run.sh', 'src/plain'].map(mode))).toEqual([
      0o644, 0o755, 0o755, 0o644,
    ]);
    expect(staged.warnings).toEqual(['files: 2 links and special files beneath "src" were left out']);
    expect(staged.files).toBe(9);
    expect(await openBelow(workspace.path)).toEqual([]);
    expect(await openBelow(local)).toEqual([]);
  });

  const inputs = [{ source: inline('x'), workspacePath: 'data/in.txt' }];
  it.each([
    ['an input', { 'data/in.txt': 'x' }],
    ['something beneath an input', { 'data/in.txt/more': 'x' }],
    ['a twin of an input', { 'DATA/In.txt': 'x' }],
    ['a file where the folder of an input must be', { data: 'x' }],
    ['the configuration file', { 'job.json': 'x' }],
    ['one of the other files', { a: 'x', 'a/b': 'y' }],
    ['a path that leads out', { '../x': 'x' }],
    ['an absolute path', { '/x': 'x' }],
  ])('refuses %s', async (_, files) => {
    const plan = planOf({ inputs, configFile: { filename: 'job.json' } });
    const work = stageInputs(
      await makeWorkspace(),
      plan,
      stageOptions({ files, configFile: Buffer.from('{}') }),
    );
    await expect(work).rejects.toMatchObject({
      code: 'validation.invalid_job',
      details: { issues: [expect.anything()] },
    });
  });

  it('refuses a folder with a file at the place of an input', async () => {
    const local = await scratch();
    await writeFile(join(local, 'in.txt'), 'mine');
    const plan = planOf({ inputs });
    const work = stageInputs(await makeWorkspace(), plan, stageOptions({ files: { data: { path: local } } }));
    await expect(work).rejects.toMatchObject({ code: 'validation.invalid_job' });
  });

  it('does not follow a local link, nor read what is no file, and says which is missing', async () => {
    const local = await scratch();
    await symlink('/etc/passwd', join(local, 'link'));
    makeFifo(join(local, 'fifo'));
    for (const name of ['link', 'fifo', 'none']) {
      const files = { f: { path: join(local, name) } };
      const work = stageInputs(await makeWorkspace(), planOf({}), stageOptions({ files }));
      await expect(work).rejects.toMatchObject({
        code: 'workspace.failed',
        message: expect.stringContaining(name) as unknown,
      });
    }
  });

  it('says which stream failed', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield await Promise.reject(Object.assign(new Error('disk gone'), { code: 'ENOTDIR' }));
    }
    const work = stageInputs(
      await makeWorkspace(),
      planOf({}),
      stageOptions({ files: { 'f.txt': broken() } }),
    );
    await expect(work).rejects.toMatchObject({
      code: 'workspace.failed',
      message: 'files: the stream for "f.txt" failed: disk gone',
    });
  });
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
