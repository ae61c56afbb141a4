/** What a caller gives by names of this machine is refused before anything is pulled or made, each with the name of its option. */
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobDefinition, RunOptions } from 'berthkit';
import { describe, expect, it } from 'vitest';
import { settle, setUp, testFolder } from './run-fixture.js';

const at = (name: string): string => join(testFolder(), name);
const toCaller: JobDefinition = {
  docker: { image: 'busybox:1', outputs: [{ workspacePath: 'out.txt', upload: 'caller' }] },
};

async function refusal(options: RunOptions, definition = toCaller): Promise<unknown> {
  const setup = setUp();
  const error = await settle(setup, options, definition);
  expect(setup.engine.calls).toEqual([]);
  return error;
}

const invalid = (...issues: readonly [string, string, string][]) => ({
  ...{ name: 'ValidationError', code: 'validation.invalid_job', retryable: false },
  message: issues.map(([, path, message]) => `${path}: ${message}`).join('; '),
  details: { issues: issues.map(([code, path, message]) => ({ code, path, message })) },
});

describe('what a caller gives', () => {
  it('is told as a whole, before anything is asked of the engine', async () => {
    const [a, b, stdin] = [at('no-a'), at('no-b'), at('no-stdin')];
    await writeFile(at('taken'), '');
    const files = {
      'a.txt': { path: a },
      'run.sh': { content: { path: b }, executable: true },
      'c/../d': '',
    };
    expect(await refusal({ files, stdin: { path: stdin }, outputTo: at('taken') })).toMatchObject(
      invalid(
        ['validation.files', 'files.c/../d', 'the workspace path "c/../d" must not have . or .. segments'],
        ['validation.files', 'files.a.txt', `${JSON.stringify(a)}: is not there`],
        ['validation.files', 'files.run.sh', `${JSON.stringify(b)}: is not there`],
        ['validation.stdin', 'stdin', `${JSON.stringify(stdin)}: is not there`],
        ['validation.output_to', 'outputTo', `${JSON.stringify(at('taken'))}: is no folder`],
      ),
    );
  });

  it.each<[string, string, string, () => unknown]>([
    ['beneath a file', 'local/x', 'is not there', async () => writeFile(at('local'), '')],
    ['a link', 'local', 'is a symlink', async () => symlink('/etc/passwd', at('local'))],
    ['a pipe', 'local', 'is a fifo', () => execFileSync('mkfifo', [at('local')])],
    ['too long', 'n'.repeat(300), 'is too long', () => undefined],
    ['with a null byte', 'local\0', 'is no path', () => undefined],
  ])('may not be %s', async (_, name, problem, make) => {
    await make();
    const files = { f: { path: at(name) } };
    expect(await refusal({ files }, { docker: { image: 'busybox:1' } })).toMatchObject(
      invalid(['validation.files', 'files.f', `${JSON.stringify(at(name))}: ${problem}`]),
    );
  });

  it('may not stand beneath another that is a file, but may within one that is a folder', async () => {
    const job = { docker: { image: 'busybox:1' } };
    expect(await refusal({ files: { a: 'x', 'a/b/c': 'y' } }, job)).toMatchObject({
      message: 'files.a/b/c: the workspace path "a/b/c" stands where another file is, or beneath one',
    });
    await mkdir(at('folder'));
    const files = { a: { path: at('folder') }, 'a/b': 'y' };
    expect(await settle(setUp(), { files }, job)).toMatchObject({ status: 'succeeded' });
  });

  it('that vanishes between its check and its use is told in the same words', async () => {
    const path = at('local');
    await writeFile(path, 'x');
    const setup = setUp({}, { verifyImage: async () => rm(path).then(() => ({ ok: true })) });
    expect(await settle(setup, { files: { f: { path } } }, { docker: { image: 'busybox:1' } })).toMatchObject(
      invalid(['validation.files', 'files.f', `${JSON.stringify(path)}: is not there`]),
    );
  });

  it('does not matter to whom another run stands for', async () => {
    const path = at('local');
    await writeFile(path, 'x');
    const { runtime } = setUp();
    const options = { idempotencyKey: 'one', stdin: { path } };
    const job = { docker: { image: 'busybox:1' } };
    const first = await runtime.runJob(job, options);
    await rm(path);
    expect(await runtime.runJob(job, options)).toEqual(first);
    await runtime.close();
  });
});

describe('outputTo', () => {
  it.each<[string, string, string, (path: string) => Promise<unknown>]>([
    ['a file', 'to', 'is no folder', async (path) => writeFile(path, '')],
    ['beneath a file', 'to/deep/er', ' is no folder', async () => writeFile(at('to'), '')],
    [
      'a link that leads nowhere',
      'to',
      'is a link that leads nowhere',
      async (path) => symlink(at('none'), path),
    ],
  ])('that is %s is refused before anything is asked of the engine', async (_, name, problem, make) => {
    await make(at(name));
    expect(await refusal({ outputTo: at(name) })).toMatchObject({
      code: 'validation.invalid_job',
      message: expect.stringMatching(`^outputTo: .*${problem}$`) as string,
    });
  });

  it('may be missing, with what is above it, or be reached through a link, and is not made for a job without such outputs', async () => {
    await mkdir(at('real'));
    await symlink(at('real'), at('link'));
    for (const name of ['new/deep', 'link', 'link/deeper']) {
      expect(await settle(setUp(), { outputTo: at(name) }, toCaller)).toMatchObject({ status: 'succeeded' });
      expect(await readdir(at(name))).toContain('out.txt');
    }
    const none = { docker: { image: 'busybox:1' } };
    expect(await settle(setUp(), { outputTo: at('not-made') }, none)).toMatchObject({ status: 'succeeded' });
    expect(await readdir(testFolder())).not.toContain('not-made');
  });
});
