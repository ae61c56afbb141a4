/** What staging says of what it did, and of what it could not do: each thing by its name, with its limit and a way out. */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { StorageError } from '../../src/errors.js';
import { memoryStorage } from '../../src/storage/memory.js';
import type { StorageAdapter } from '../../src/storage/types.js';
import type { StageOptions, StageProgress } from '../../src/workspace/stage.js';
import { openBelow } from '../host/scratch.js';
import {
  fromData,
  inline,
  makeWorkspace,
  type PlanFixture,
  planOf,
  stageInputs,
  stageOptions,
} from './plan-fixture.js';

const CONFIG = { filename: 'job.json' };
const bytes = (text: string): Uint8Array => Buffer.from(text);

/** Stages and gives the error, or null, and what was left where. */
async function staging(fixture: PlanFixture, options: Partial<StageOptions> = {}) {
  const workspace = await makeWorkspace();
  await (await workspace.openInputs()).handle.close();
  const work = stageInputs(workspace, planOf(fixture), stageOptions(options));
  const error: unknown = await work.then(() => null).catch((problem: unknown) => problem);
  expect(await openBelow(workspace.path)).toEqual([]);
  return { error, workspace, staged: readdirSync(workspace.inputsPath) };
}

describe('a configuration file', () => {
  it.each<[string, PlanFixture, Uint8Array | null]>([
    ['that was not rendered', { configFile: CONFIG }, null],
    ['that the plan does not have', {}, bytes('{}')],
  ])('%s is a plan of something else', async (_, fixture, configFile) => {
    const inputs = [{ source: inline('x'), workspacePath: 'a' }];
    const { error, staged } = await staging({ ...fixture, inputs }, { configFile });
    expect(error).toMatchObject({
      code: 'workspace.failed',
      message: 'the plan and the rendered configuration file do not belong together',
    });
    expect(staged).toEqual([]);
  });

  it('counts as the caller’s own, by its name', async () => {
    const tooLarge = { code: 'workspace.too_large' };
    const one = { configFile: CONFIG, limits: { fileBytes: 10 } };
    const { error } = await staging(one, { configFile: bytes('x'.repeat(11)) });
    expect(error).toMatchObject({
      ...tooLarge,
      message: 'the configuration file has 11 bytes, more than the limit of 10 (maxFileBytes)',
    });
    const free = { configFile: CONFIG, limits: { downloadBytes: 0 } };
    expect((await staging(free, { configFile: bytes('xx') })).error).toBeNull();
  });

  it('that stands where one of the files given is, is told by its name', async () => {
    const { error } = await staging(
      { configFile: { filename: 'a/job.json' } },
      { configFile: bytes('{}'), files: { a: 'x' } },
    );
    expect(error).toMatchObject({
      code: 'validation.invalid_job',
      message: expect.stringContaining('the configuration file') as string,
    });
  });
});

describe('what storages announce', () => {
  const data = memoryStorage({ 'tree/a': '12345', 'tree/b': '12345' });
  const reads: string[] = [];
  const counted: StorageAdapter = {
    ...data,
    read: async (path, options) => {
      reads.push(path);
      return data.read(path, options);
    },
  };

  it.each([
    ['of one file', { fileBytes: 4 }, 'input "in" has 5 bytes, more than the limit of 4 (maxFileBytes)'],
    [
      'of all files',
      { downloadBytes: 9 },
      'inputs from storages total 10 bytes, more than the limit of 9 (maxDownloadBytes)',
    ],
    [
      'and what is at hand',
      { inputBytes: 12 },
      'workspace inputs total 13 bytes, more than the limit of 12 (maxWorkspaceBytes)',
    ],
  ])('is counted before anything is read: the size %s', async (_, limits, message) => {
    const inputs = [
      { source: fromData('/tree'), workspacePath: 'in' },
      { source: inline('123'), workspacePath: 'own' },
    ];
    const { error } = await staging({ inputs, limits }, { storage: { data: counted } });
    expect(error).toMatchObject({ code: 'workspace.too_large', message });
    expect(reads).toEqual([]);
  });
});

describe('an input that is not there', () => {
  const hint = 'set optional to true if the job can do without it';

  it('is told by where it was looked for, with a way out', async () => {
    const inputs = [{ source: fromData('/none'), workspacePath: 'a' }];
    expect((await staging({ inputs }, { storage: { data: memoryStorage() } })).error).toMatchObject({
      code: 'storage.not_found',
      message: 'input "a" was not found: nothing is at "none" in storage "data"',
      hint,
    });
    const source = { type: 'filestoreNode', nodeId: '7' } as const;
    const resolveNode = async (): Promise<null> => Promise.resolve(null);
    expect(
      (await staging({ inputs: [{ source, workspacePath: 'a' }] }, { resolveNode })).error,
    ).toMatchObject({
      code: 'storage.not_found',
      message: 'input "a" was not found: its node does not exist',
      hint,
    });
  });

  const vanishing: StorageAdapter = {
    ...memoryStorage({ file: 'x', 'tree/a': 'x' }),
    read: async () => Promise.reject(new StorageError('storage.not_found', 'gone')),
  };

  it.each([
    ['a file that is needed', '/file', false],
    ['a file of a folder, of which a part would be missing', '/tree', true],
  ])('any more by the time it is read is a failure for %s', async (_, path, optional) => {
    const inputs = [{ source: fromData(path), workspacePath: 'a', optional }];
    const { error } = await staging({ inputs }, { storage: { data: vanishing } });
    expect(error).toMatchObject({
      code: 'storage.not_found',
      message: expect.stringContaining('gone') as string,
    });
  });

  it('is no other failure, however optional it is', async () => {
    const failing = {
      ...vanishing,
      read: async () => Promise.reject(new StorageError('storage.failed', 'down')),
    };
    const inputs = [{ source: fromData('/file'), workspacePath: 'a', optional: true }];
    const { error } = await staging({ inputs }, { storage: { data: failing } });
    expect(error).toMatchObject({
      code: 'storage.failed',
      message: expect.stringContaining('down') as string,
    });
  });
});

describe('a report', () => {
  const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

  it.each([true, false])('has hashes only where they are asked for: %s', async (sha256) => {
    const workspace = await makeWorkspace();
    const inputs = [
      { source: inline('x'), workspacePath: 'a' },
      { source: fromData('/empty'), workspacePath: 'b' },
    ];
    const data = memoryStorage({ 'empty/': '' });
    const options = stageOptions({ storage: { data }, sha256, configFile: bytes('{}') });
    const { reports } = await stageInputs(workspace, planOf({ inputs, configFile: CONFIG }), options);
    expect(reports.map((report) => [report.type, report.files, report.sizeBytes])).toEqual([
      ['file', 1, 1],
      ['directory', 0, 0],
    ]);
    expect(reports[0]?.sha256).toBe(sha256 ? hash('x') : null);
  });

  it('of progress goes on with each file of an input, by its place', async () => {
    const progress: StageProgress[] = [];
    const inputs = [{ source: fromData('/tree'), workspacePath: 'in' }];
    const data = memoryStorage({ 'tree/a': 'x', 'tree/b/c': 'yz' });
    const options = stageOptions({ storage: { data }, concurrency: 1 });
    await stageInputs(await makeWorkspace(), planOf({ inputs }), {
      ...options,
      onProgress: (one) => progress.push(one),
    });
    expect(progress).toEqual([
      { workspacePath: 'in', files: 1, sizeBytes: 1 },
      { workspacePath: 'in', files: 2, sizeBytes: 3 },
    ]);
  });
});

describe('a file system that takes no such name', () => {
  it('is a failure of the workspace, told as it is', async () => {
    const inputs = [{ source: inline('x'), workspacePath: 'n'.repeat(300) }];
    expect((await staging({ inputs })).error).toMatchObject({
      code: 'workspace.failed',
      message: expect.stringMatching(/^staging failed: ENAMETOOLONG/) as string,
    });
  });
});
