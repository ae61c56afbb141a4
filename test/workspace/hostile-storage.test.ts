import { link, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StorageError } from '../../src/errors.js';
import { memoryStorage } from '../../src/storage/memory.js';
import type { StorageAdapter, StorageEntry } from '../../src/storage/types.js';
import type { StagedInputs } from '../../src/workspace/stage.js';
import type { Workspace } from '../../src/workspace/create.js';
import { noSignal, openBelow, scratch } from '../host/scratch.js';
import { fromData, makeWorkspace, planOf, stageInputs, stageOptions } from './plan-fixture.js';

const never = new Promise<never>(() => undefined);
const file = (path: string, sizeBytes: number, sha256?: string): StorageEntry => ({
  path,
  type: 'file',
  sizeBytes,
  sha256,
});

async function* chunksOf(...chunks: readonly unknown[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    if (chunk instanceof Error) throw chunk;
    yield await Promise.resolve(chunk as Uint8Array);
  }
}

const adapter = (overrides: Partial<StorageAdapter>): StorageAdapter => ({
  ...memoryStorage(),
  stat: (path) => Promise.resolve(file(path, 5)),
  read: () => Promise.resolve(chunksOf(Buffer.from('12345'))),
  ...overrides,
});

const stageFrom = async (
  data: StorageAdapter,
  options: {
    workspace?: Workspace;
    signal?: AbortSignal;
    optional?: boolean;
    limits?: object;
    sha256?: boolean;
    concurrency?: number;
  } = {},
): Promise<StagedInputs> => {
  const { optional = false, signal = noSignal(), limits = {}, sha256 = true, concurrency = 4 } = options;
  const plan = planOf({ inputs: [{ source: fromData('/in'), workspacePath: 'in', optional }], limits });
  return stageInputs(
    options.workspace ?? (await makeWorkspace()),
    plan,
    stageOptions({ storage: { data }, sha256, concurrency, signal }),
  );
};

describe('an adapter that is wrong', () => {
  const failures: [string, Partial<StorageAdapter>, RegExp][] = [
    [
      'is short',
      { read: () => Promise.resolve(chunksOf(Buffer.from('1234'))) },
      /size mismatch.*only 4 of the announced 5 bytes/,
    ],
    [
      'is long',
      { read: () => Promise.resolve(chunksOf(Buffer.from('123456'))) },
      /size mismatch.*more than the announced 5 bytes/,
    ],
    [
      'announces another checksum',
      { stat: (path) => Promise.resolve(file(path, 5, 'a'.repeat(64))) },
      /checksum mismatch/,
    ],
    [
      'throws in the middle',
      { read: () => Promise.resolve(chunksOf(Buffer.from('1'), new Error('line cut'))) },
      /input "in": storage "data", "in": line cut/,
    ],
    ['rejects', { read: () => Promise.reject(new TypeError('no credentials')) }, /no credentials/],
    [
      'throws at once',
      {
        stat: () => {
          throw new Error('sync');
        },
      },
      /sync/,
    ],
    ['throws no error', { stat: () => Promise.reject('text') }, /text/],
    ['gives text for bytes', { read: () => Promise.resolve(chunksOf('12345')) }, /expected bytes/],
    [
      'gives no stream',
      { read: () => Promise.resolve(null as unknown as AsyncIterable<Uint8Array>) },
      /input "in"/,
    ],
    ['gives a negative size', { stat: (path) => Promise.resolve(file(path, -1)) }, /wrong entry/],
    ['gives a size that is no number', { stat: (path) => Promise.resolve(file(path, NaN)) }, /wrong entry/],
    [
      'gives an unknown type',
      { stat: (path) => Promise.resolve({ ...file(path, 1), type: 'link' as 'file' }) },
      /wrong entry/,
    ],
  ];
  it.each(failures)('%s', async (_, overrides, message) => {
    const work = stageFrom(adapter(overrides));
    await expect(work).rejects.toMatchObject({
      code: 'storage.failed',
      message: expect.stringMatching(message) as unknown,
    });
  });

  it('fails also for an optional input: it is not missing', async () => {
    const work = stageFrom(adapter({ read: () => Promise.reject(new Error('down')) }), { optional: true });
    await expect(work).rejects.toMatchObject({ code: 'storage.failed' });
  });

  it('accepts a checksum in capitals', async () => {
    const sha256 = '5994471ABB01112AFCC18159F6CC74B4F511B99806DA59B3CAF5A9C173CACFC5';
    await stageFrom(adapter({ stat: (path) => Promise.resolve(file(path, 5, sha256)) }));
  });

  it.each([
    ['stat', { stat: () => never }],
    ['read', { read: () => never }],
    [
      'a stream',
      {
        read: () =>
          Promise.resolve({ [Symbol.asyncIterator]: () => ({ next: () => never, return: () => never }) }),
      },
    ],
    [
      'list',
      {
        stat: (path: string) => Promise.resolve({ path, type: 'directory' as const, sizeBytes: 0 }),
        list: () => ({ [Symbol.asyncIterator]: () => ({ next: () => never }) }),
      },
    ],
    ['copyTo', { copyTo: () => never }],
  ] satisfies [string, Partial<StorageAdapter>][])('is left alone when %s hangs', async (_, overrides) => {
    const controller = new AbortController();
    const work = stageFrom(adapter(overrides), { signal: controller.signal });
    setTimeout(() => {
      controller.abort(new Error('enough'));
    }, 20);
    await expect(work).rejects.toThrow('enough');
  });
});

describe('a listing that is hostile', () => {
  const listing = (...entries: readonly StorageEntry[]): StorageAdapter =>
    adapter({
      stat: (path) => Promise.resolve({ path, type: 'directory', sizeBytes: 0 }),
      async *list() {
        for (const entry of entries) yield await Promise.resolve(entry);
      },
    });

  it.each([
    'in/../../escape',
    '../escape',
    '/etc/escape',
    'in//escape',
    'in/a/./b',
    'other/escape',
    'in/',
    'inside',
    'in/a\\b',
    'in/a\nb',
    'in/..',
  ])('with %j is refused', async (path) => {
    const workspace = await makeWorkspace();
    await expect(stageFrom(listing(file(path, 5)), { workspace })).rejects.toMatchObject({
      code: 'storage.failed',
    });
    await expect(
      stageFrom(listing({ path, type: 'directory', sizeBytes: 0 }), { workspace }),
    ).rejects.toMatchObject({
      code: 'storage.failed',
    });
    expect(await readdir(workspace.path)).toEqual(['inputs', 'workspace']);
  });

  it('with a file twice, or within a file, is refused', async () => {
    await expect(stageFrom(listing(file('in/a', 5), file('in/a', 5)))).rejects.toThrow(/lists "a" twice/);
    await expect(stageFrom(listing(file('in/a', 5), file('in/a/b', 5)))).rejects.toMatchObject({
      code: 'storage.failed',
    });
  });

  it('with children before parents, or itself, is fine', async () => {
    const workspace = await makeWorkspace();
    const folder = (path: string): StorageEntry => ({ path, type: 'directory', sizeBytes: 0 });
    await stageFrom(listing(folder('in'), file('in/a/b', 5), folder('in/a'), folder('in/a')), { workspace });
    expect(await readFile(join(workspace.inputsPath, '0/a/b'), 'utf8')).toBe('12345');
  });

  it('without end is stopped at the cap', async () => {
    let given = 0;
    const endless = adapter({
      stat: (path) => Promise.resolve({ path, type: 'directory', sizeBytes: 0 }),
      async *list() {
        for (;;) yield await Promise.resolve(file(`in/${String((given += 1))}`, 1));
      },
    });
    await expect(stageFrom(endless, { limits: { entries: 50 } })).rejects.toMatchObject({
      code: 'workspace.too_large',
    });
    expect(given).toBe(50);
  });
});

describe('copyTo', () => {
  it('is used, counted and checked', async () => {
    const workspace = await makeWorkspace();
    const data = adapter({
      read: () => Promise.reject(new Error('not to be used')),
      copyTo: (_path, localPath) => writeFile(localPath, '12345'),
    });
    const staged = await stageFrom(data, { workspace });
    expect(staged).toMatchObject({ files: 1, sizeBytes: 5 });
    expect(staged.reports[0]?.sha256).toMatch(/^5994471a/);
    expect((await stat(join(workspace.inputsPath, '0'))).mode & 0o777).toBe(0o444);
    await expect(
      stageFrom({ ...data, copyTo: (_path, localPath) => writeFile(localPath, '1234') }),
    ).rejects.toThrow(/size mismatch/);
    await expect(stageFrom(data, { limits: { inputBytes: 4 } })).rejects.toMatchObject({
      code: 'workspace.too_large',
    });
  });

  it.each([true, false])(
    'without a checksum asked for (copyTo: %s) only size and announcement are checked',
    async (copies) => {
      const bytes = '12345';
      const data = adapter(
        copies
          ? {
              read: () => Promise.reject(new Error('not to be used')),
              copyTo: (_, local) => writeFile(local, bytes),
            }
          : { read: () => Promise.resolve(chunksOf(Buffer.from(bytes))) },
      );
      const workspace = await makeWorkspace();
      const staged = await stageFrom(data, { workspace, sha256: false });
      expect(staged.reports[0]).toMatchObject({ files: 1, sizeBytes: 5, sha256: null });
      expect(await readFile(join(workspace.inputsPath, '0'), 'utf8')).toBe(bytes);
      expect((await stat(join(workspace.inputsPath, '0'))).mode & 0o777).toBe(0o444);
      const announced = (sizeBytes: number, sha256?: string): StorageAdapter => ({
        ...data,
        stat: (path) => Promise.resolve(file(path, sizeBytes, sha256)),
      });
      await expect(stageFrom(announced(6), { sha256: false })).rejects.toThrow(/size mismatch/);
      await expect(stageFrom(announced(4), { sha256: false })).rejects.toThrow(/size mismatch/);
      await expect(stageFrom(announced(5, 'a'.repeat(64)), { sha256: false })).rejects.toThrow(
        /checksum mismatch/,
      );
      await expect(stageFrom(data, { sha256: false, limits: { inputBytes: 4 } })).rejects.toMatchObject({
        code: 'workspace.too_large',
      });
      const right = '5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5';
      const checked = await stageFrom(announced(5, right), { sha256: false });
      expect(checked.reports[0]?.sha256).toBe(right);
    },
  );

  it('may not make a link or a second name of another file, or nothing', async () => {
    const outside = join(await scratch(), 'host-file');
    await writeFile(outside, '12345');
    const before = await stat(outside);
    for (const copyTo of [symlink, link].map(
      (make) => (_path: string, localPath: string) => make(outside, localPath),
    )) {
      await expect(stageFrom(adapter({ copyTo }))).rejects.toThrow(/did not make a file of its own/);
    }
    await expect(stageFrom(adapter({ copyTo: () => Promise.resolve() }))).rejects.toThrow(
      /did not make a file/,
    );
    expect((await stat(outside)).mode).toBe(before.mode);
  });
});

describe('what is said of a storage that is wrong', () => {
  const folder = (path: string): StorageEntry => ({ path, type: 'directory', sizeBytes: 0 });
  const listing = (...entries: readonly StorageEntry[]): Partial<StorageAdapter> => ({
    stat: (path) => Promise.resolve(folder(path)),
    async *list() {
      for (const entry of entries) yield await Promise.resolve(entry);
    },
  });
  const other = 'a'.repeat(64);
  const right = '5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5';
  const ofFile = 'storage "data", "in",';

  it.each<[string, Partial<StorageAdapter>]>([
    [
      `size mismatch: ${ofFile} gave only 4 of the announced 5 bytes`,
      { read: () => Promise.resolve(chunksOf(Buffer.from('1234'))) },
    ],
    [
      `size mismatch: ${ofFile} gave more than the announced 5 bytes`,
      { read: () => Promise.resolve(chunksOf(Buffer.from('123456'))) },
    ],
    [
      `checksum mismatch: ${ofFile} announced SHA-256 ${other} but gave ${right}`,
      { stat: (path) => Promise.resolve(file(path, 5, other)) },
    ],
    ['storage "data" lists "else/f", but such a path is not beneath "in"', listing(file('else/f', 5))],
    ['storage "data" lists "in", but such a path is not beneath "in"', listing(file('in', 5))],
    ['the storage lists "d/a" twice', listing(file('in/d/a', 5), file('in/d/a', 5))],
    [
      'the storage lists a file within "d/a" as if it were a folder',
      listing(file('in/d/a', 5), file('in/d/a/b', 5)),
    ],
  ])('%s', async (words, overrides) => {
    const workspace = await makeWorkspace();
    const message = `input "in": ${words}`;
    // One after the other: which of two that cannot both be is refused depends on which came first.
    await expect(stageFrom(adapter(overrides), { workspace, concurrency: 1 })).rejects.toMatchObject({
      ...{ code: 'storage.failed', message },
    });
    expect(await openBelow(workspace.path)).toEqual([]);
  });

  it('names the path that no file can have, the one that is too deep, and what the system said', async () => {
    await expect(stageFrom(adapter(listing(file('in/../x', 5))))).rejects.toThrow(
      /^input "in": storage "data" lists "in\/\.\.\/x", but such a path (?!is not acceptable)\S/,
    );
    const deep = stageFrom(adapter(listing(file('in/a/b/c', 5))), { limits: { depth: 2 } });
    await expect(deep).rejects.toMatchObject({
      code: 'workspace.too_large',
      message: 'input "in": "in/a/b/c" is nested deeper than the limit of 2 (outputs.maxDepth)',
    });
    const twice = stageFrom(adapter(listing(file('in/a', 5), file('in/a', 5))));
    await expect(twice).rejects.toMatchObject({ cause: { code: 'EEXIST' } });
    const nested = adapter(listing(file('in/a', 5), file('in/a/b', 5)));
    const within = stageFrom(nested, { concurrency: 1 });
    await expect(within).rejects.toMatchObject({ cause: { code: 'ENOTDIR' } });
  });

  it('is nothing where it lists nothing: an empty folder is one, and one that is gone by then is missing', async () => {
    const workspace = await makeWorkspace();
    const staged = await stageFrom(adapter(listing()), { workspace });
    expect(staged.reports[0]).toMatchObject({ type: 'directory', files: 0 });
    expect(await readdir(join(workspace.inputsPath, '0'))).toEqual([]);
    const gone = adapter({
      ...listing(),
      list: () => {
        throw new StorageError('storage.not_found', 'gone');
      },
    });
    expect((await stageFrom(gone, { optional: true })).skipped.size).toBe(1);
    await expect(stageFrom(gone)).rejects.toMatchObject({ code: 'storage.not_found' });
  });

  it('may be an input as a whole', async () => {
    const workspace = await makeWorkspace();
    const plan = planOf({ inputs: [{ source: fromData('/'), workspacePath: 'in' }] });
    const storage = { data: memoryStorage({ a: '1', 'd/b': '2' }) };
    await stageInputs(workspace, plan, stageOptions({ storage }));
    expect(await readFile(join(workspace.inputsPath, '0/d/b'), 'utf8')).toBe('2');
    expect(await readdir(join(workspace.inputsPath, '0'))).toEqual(['a', 'd']);
  });

  it('leaves nothing open, whether its copyTo is hashed, only counted, or refused', async () => {
    for (const [sha256, text] of [
      [true, '12345'],
      [false, '12345'],
      [true, '1234'],
    ] as const) {
      const workspace = await makeWorkspace();
      const copying = adapter({ copyTo: (_path, localPath) => writeFile(localPath, text) });
      await stageFrom(copying, { workspace, sha256 }).catch(() => undefined);
      expect(await openBelow(workspace.path)).toEqual([]);
    }
  });
});
