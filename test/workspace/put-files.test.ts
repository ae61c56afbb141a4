import { hash } from 'node:crypto';
import { chmod, mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeFifo, openBelow, scratch } from '../host/scratch.js';
import { inline, makeWorkspace, planOf, stageInputs, stageOptions } from './plan-fixture.js';

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
    const sha256 = (content: string | Uint8Array): string => hash('sha256', content);
    const src = [
      ['%FF', 3, sha256('odd')],
      ['plain', 1, sha256('p')],
      ['run.sh', 1, sha256('x')],
    ];
    const file = (workspacePath: string, content: string | Uint8Array): object => ({
      ...{ workspacePath, type: 'file', files: 1, sizeBytes: Buffer.byteLength(content) },
      sha256: sha256(content),
    });
    expect(staged.given).toEqual([
      file('text.txt', 'tëxt'),
      file('bytes.bin', new Uint8Array([1, 2])),
      file('stream.txt', 'one two'),
      file('tool.sh', '#!/bin/sh'),
      file('copy.txt', 'p'),
      {
        ...{ workspacePath: 'src', type: 'directory', files: 3, sizeBytes: 5 },
        sha256: sha256(JSON.stringify(src)),
      },
      file('src/more.txt', 'more'),
    ]);
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
    ['a folder of the other files', { 'a/b': 'y', a: 'x' }],
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
        code: 'validation.invalid_job',
        message: expect.stringMatching(new RegExp(`^files.f: ".*/${name}": is `)) as unknown,
      });
    }
  });

  it('says which stream failed, and that no other try could read it', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield await Promise.reject(Object.assign(new Error('disk gone'), { code: 'ENOTDIR' }));
    }
    const work = stageInputs(
      await makeWorkspace(),
      planOf({}),
      stageOptions({ files: { 'f.txt': broken() } }),
    );
    await expect(work).rejects.toMatchObject({
      code: 'validation.invalid_job',
      retryable: false,
      message: 'files.f.txt: the stream failed, and cannot be read again: disk gone',
    });
  });

  it('says what is wrong with each path, and with all of them at once', async () => {
    const plan = planOf({ inputs, configFile: { filename: 'job.json' } });
    const files = { 'data/in.txt/more': 'x', 'job.json': 'x', '../x': 'x', fine: 'x' };
    const options = stageOptions({ files, configFile: Buffer.from('{}') });
    const problem: unknown = await stageInputs(await makeWorkspace(), plan, options).catch(
      (error: unknown) => error,
    );
    const readOnly = 'which is read-only';
    const issues = [
      ['data/in.txt/more', `is taken by input "data/in.txt", ${readOnly}`],
      ['job.json', `is taken by the configuration file, ${readOnly}`],
      ['../x', expect.any(String) as string],
    ].map(([path = '', words]) => ({
      ...{ code: 'validation.files', path: `files.${path}` },
      message: expect.stringMatching(
        typeof words === 'string'
          ? `^the workspace path "${path}" ${words}$`
          : `^the workspace path "${path.replaceAll('.', '\\.')}" `,
      ) as string,
    }));
    expect(problem).toMatchObject({ code: 'validation.invalid_job', details: { issues } });
    expect((problem as Error).message.split('; ')).toHaveLength(3);
  });

  it('says where a tmpfs of the job would hide one', async () => {
    const plan = planOf({ tmpfs: ['/workspace/cache', '/workspace', '/tmp', '/workspaces/fine'] });
    const files = { 'cache/a': 'x', cache: 'x', fine: 'x', caches: 'x' };
    const work = stageInputs(await makeWorkspace(), plan, stageOptions({ files }));
    const hidden = 'would be hidden by the tmpfs at "/workspace/cache"';
    await expect(work).rejects.toMatchObject({
      code: 'validation.invalid_job',
      details: {
        issues: [
          { path: 'files.cache/a', message: `the workspace path "cache/a" ${hidden}` },
          { path: 'files.cache', message: `the workspace path "cache" ${hidden}` },
        ],
      },
    });
  });

  it('says where one of them stands in the way of another, or of an input', async () => {
    const one = stageInputs(
      await makeWorkspace(),
      planOf({}),
      stageOptions({ files: { a: 'x', 'a/b': 'y' } }),
    );
    await expect(one).rejects.toMatchObject({
      message: 'files.a/b: the workspace path "a/b" stands where another file is, or beneath one',
    });
    const local = await scratch();
    await writeFile(join(local, 'in.txt'), 'mine');
    const files = { data: { path: local } };
    const workspace = await makeWorkspace();
    const other = stageInputs(workspace, planOf({ inputs }), stageOptions({ files }));
    const message =
      'input "data/in.txt" has its place at "data/in.txt" in the workspace, but one of the given files stands there';
    await expect(other).rejects.toMatchObject({
      ...{ code: 'validation.invalid_job', message },
      details: { issues: [{ code: 'validation.files', path: 'files.data/in.txt', message }] },
    });
    expect(await openBelow(workspace.path)).toEqual([]);
  });

  it('says why a local file cannot be taken', async () => {
    const local = await scratch();
    makeFifo(join(local, 'fifo'));
    const messageOf = async (path: string): Promise<unknown> =>
      stageInputs(await makeWorkspace(), planOf({}), stageOptions({ files: { f: { path } } })).catch(
        (error: unknown) => (error as Error).message,
      );
    const [fifo, none] = [join(local, 'fifo'), join(local, 'none')];
    expect(await messageOf(fifo)).toBe(`files.f: "${fifo}": is a fifo`);
    expect(await messageOf(none)).toBe(`files.f: "${none}": is not there`);
    expect(await messageOf(join(none, 'more'))).toBe(`files.f: "${none}/more": is not there`);
    expect(await openBelow(local)).toEqual([]);
  });

  it('takes a folder by a link further up, and of folders many files by turns', async () => {
    const local = await scratch();
    await mkdir(join(local, 'real/d/a'), { recursive: true });
    await mkdir(join(local, 'real/d/b'));
    const paths = ['a/1', 'a/2', 'b/1', 'b/2', 'top'];
    for (const path of paths) await writeFile(join(local, 'real/d', path), path);
    await symlink('real', join(local, 'link'));
    const workspace = await makeWorkspace();
    const { given, warnings } = await stageInputs(workspace, planOf({}), {
      ...stageOptions({ concurrency: 1 }),
      files: { into: { content: { path: join(local, 'link/d') }, executable: true } },
    });
    expect(given[0]).toMatchObject({ type: 'directory', files: 5, sizeBytes: 15 });
    expect(warnings).toEqual([]);
    for (const path of paths) {
      const copied = join(workspace.workspacePath, 'into', path);
      expect(await readFile(copied, 'utf8')).toBe(path);
      expect((await stat(copied)).mode & 0o777).toBe(0o755);
    }
  });

  it('counts each of them by its name, also the whole of this machine', async () => {
    const local = await scratch();
    await writeFile(join(local, 'f'), 'four');
    const put = async (content: string | { path: string }, limits: object): Promise<unknown> =>
      stageInputs(await makeWorkspace(), planOf({ limits }), stageOptions({ files: { f: '', g: content } }));
    for (const content of ['four', { path: join(local, 'f') }]) {
      await expect(put(content, { fileBytes: 3 })).rejects.toMatchObject({
        code: 'workspace.too_large',
        message: 'files "g" has 4 bytes, more than the limit of 3 (maxFileBytes)',
      });
      await expect(put(content, { entries: 1 })).rejects.toMatchObject({
        message:
          'with files "g" there are 2 files and folders, more than the limit of 1 (outputs.maxEntries)',
      });
    }
    await expect(put({ path: '/' }, { entries: 1 })).rejects.toMatchObject({ code: 'workspace.too_large' });
    expect(await openBelow(local)).toEqual([]);
  });

  it('hashes nothing that nobody asks for', async () => {
    const local = await scratch();
    await writeFile(join(local, 'f'), 'f');
    const files = { text: 'x', file: { path: join(local, 'f') }, folder: { path: local } };
    const { given } = await stageInputs(
      await makeWorkspace(),
      planOf({}),
      stageOptions({ files, sha256: false }),
    );
    expect(given.map(({ sha256 }) => sha256)).toEqual([null, null, null]);
  });
});
