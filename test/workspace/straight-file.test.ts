/** Files that go straight from a storage into a tar: held against what a copy of the same would come to, in what is reported as in what is refused. */
import { createHash } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StorageError } from '../../src/errors.js';
import { hasOwnChunks, withOwnChunks } from '../../src/host/chunks.js';
import { filesystemStorage } from '../../src/storage/filesystem.js';
import { memoryStorage } from '../../src/storage/memory.js';
import type { StorageAdapter, StorageEntry } from '../../src/storage/types.js';
import { type PreparedInputs, prepareInputs, type StageOptions } from '../../src/workspace/stage.js';
import { noSignal, openBelow, scratch } from '../host/scratch.js';
import {
  fromData,
  inline,
  makeWorkspace,
  type PlanFixture,
  planOf,
  stageInputs,
  stageOptions,
} from './plan-fixture.js';

const never = new Promise<never>(() => undefined);
const file = (path: string, sizeBytes: number, sha256?: string): StorageEntry => ({
  path,
  type: 'file',
  sizeBytes,
  sha256,
});
const folder = (path: string): StorageEntry => ({ path, type: 'directory', sizeBytes: 0 });

async function* chunksOf(...chunks: readonly unknown[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    if (chunk instanceof Error) throw chunk;
    yield await Promise.resolve(chunk as Uint8Array);
  }
}
const giving = (...chunks: readonly unknown[]): Partial<StorageAdapter> => ({
  read: () => Promise.resolve(chunksOf(...chunks)),
});
const text = (value: string): Uint8Array => Buffer.from(value);

/** Has `in`, a file of five bytes. */
const adapter = (overrides: Partial<StorageAdapter>): StorageAdapter => ({
  ...memoryStorage(),
  stat: (path) => Promise.resolve(file(path, 5)),
  ...giving(text('123'), text('45')),
  ...overrides,
});
const listing = (...entries: readonly StorageEntry[]): Partial<StorageAdapter> => ({
  stat: (path) => Promise.resolve(folder(path)),
  async *list() {
    for (const entry of entries) yield await Promise.resolve(entry);
  },
});

const IN: PlanFixture = { inputs: [{ source: fromData('/in'), workspacePath: 'in' }] };

/** Reads everything that goes straight, one file after the other as a tar takes them; gives the text of each by its identity. */
async function readStraight(
  { straight }: Pick<PreparedInputs, 'straight'>,
  signal = noSignal(),
): Promise<ReadonlyMap<string, string>> {
  const read = new Map<string, string>();
  for (const [identity, content] of straight) {
    const parts: Uint8Array[] = [];
    // Kept until the end, as a tar keeps some.
    for await (const chunk of content.bytes(signal)) parts.push(chunk);
    read.set(identity, Buffer.concat(parts).toString());
    expect(Buffer.concat(parts)).toHaveLength(content.sizeBytes);
  }
  return read;
}

async function prepared(fixture: PlanFixture, options: Partial<StageOptions> = {}) {
  const workspace = await makeWorkspace();
  const plan = planOf(fixture);
  const inputs = await prepareInputs(workspace, plan, stageOptions({ straightBytes: 5, ...options }));
  return { workspace, inputs };
}

describe('a file that goes straight', () => {
  const data = memoryStorage({
    'five.bin': '12345',
    'four.bin': '1234',
    'tree/a/six': '123456',
    'tree/b': '1',
  });
  const fixture: PlanFixture = {
    inputs: [
      { source: fromData('/five.bin'), workspacePath: 'five' },
      { source: fromData('/four.bin'), workspacePath: 'four' },
      { source: fromData('/tree'), workspacePath: 'tree' },
      { source: inline('inline text'), workspacePath: 'inline' },
      { source: fromData('/none'), workspacePath: 'none', optional: true },
    ],
    configFile: { filename: 'config.json' },
  };
  const options = { storage: { data }, configFile: text('{"a":1}'), files: { mine: 'the caller’s' } };

  it('is an empty file of the same mode where a copy would be, and everything else is copied', async () => {
    const { workspace, inputs } = await prepared(fixture, options);
    const identities = await Promise.all(
      ['0', '2/a/six'].map(async (path) => {
        const { dev, ino } = await stat(join(workspace.inputsPath, path), { bigint: true });
        return `${String(dev)}:${String(ino)}`;
      }),
    );
    expect([...inputs.straight.keys()].sort()).toEqual([...identities].sort());
    expect(inputs.types).toEqual(['file', 'file', 'directory', 'file', null]);
    for (const [path, content] of [
      ['0', ''],
      ['1', '1234'],
      ['2/a/six', ''],
      ['2/b', '1'],
      ['3', 'inline text'],
      ['config', '{"a":1}'],
    ] as const) {
      const at = join(workspace.inputsPath, path);
      expect(await readFile(at, 'utf8')).toBe(content);
      expect((await stat(at)).mode & 0o777).toBe(0o444);
    }
    const read = await readStraight(inputs);
    expect(identities.map((identity) => read.get(identity))).toEqual(['12345', '123456']);
    expect(await openBelow(workspace.path)).toEqual([]);
  });

  it.each([true, false])('is reported as a copy is (sha256: %s)', async (sha256) => {
    const progress: unknown[] = [];
    const copied: unknown[] = [];
    const { inputs } = await prepared(fixture, {
      ...options,
      sha256,
      onProgress: (one) => progress.push(one),
    });
    await readStraight(inputs);
    const { placeholders, ...report } = inputs.report();
    const copy = await stageInputs(
      await makeWorkspace(),
      planOf(fixture),
      stageOptions({ ...options, sha256, onProgress: (one) => copied.push(one) }),
    );
    expect(report).toEqual({ ...copy, placeholders: undefined });
    expect(placeholders.size).toBe(copy.placeholders.size);
    expect(progress).toHaveLength(copied.length);
    expect(progress).toContainEqual({ workspacePath: 'five', files: 1, sizeBytes: 5 });
  });

  it('is not reported before it was read to its end', async () => {
    const { inputs } = await prepared(IN, { storage: { data: adapter({}) } });
    const unread = { code: 'engine.failed', message: expect.stringContaining('input "in"') as string };
    expect(() => inputs.report()).toThrow(expect.objectContaining(unread));
    const [content] = inputs.straight.values();
    for await (const chunk of content!.bytes(noSignal())) {
      expect(chunk).toHaveLength(3);
      break;
    }
    expect(() => inputs.report()).toThrow(expect.objectContaining(unread));
  });

  it('is right also from an adapter that uses the same memory for every chunk', async () => {
    const memory = Buffer.alloc(1);
    async function* reusing(): AsyncGenerator<Uint8Array> {
      for (const digit of '12345') {
        memory.write(digit);
        yield await Promise.resolve(memory);
      }
    }
    const reused = adapter({ read: () => Promise.resolve(reusing()) });
    const { inputs } = await prepared(IN, { storage: { data: reused } });
    expect([...(await readStraight(inputs)).values()]).toEqual(['12345']);
    expect(inputs.report().reports[0]?.sha256).toBe(createHash('sha256').update('12345').digest('hex'));
  });

  it('is not copied once more from a storage that gives away what it read', async () => {
    const path = await scratch();
    // More than is read at a time.
    const content = Buffer.alloc(2_500_000, 'x');
    await writeFile(join(path, 'in'), content);
    for (const one of [filesystemStorage(path), memoryStorage({ in: content })]) {
      const given: Uint8Array[] = [];
      const read: StorageAdapter['read'] = async (...parts) => {
        const body = await one.read(...parts);
        expect(hasOwnChunks(body)).toBe(true);
        const iterator = body[Symbol.asyncIterator]();
        return withOwnChunks({
          [Symbol.asyncIterator]: () => ({
            next: async () => {
              const next = await iterator.next();
              if (next.done !== true) given.push(next.value);
              return next;
            },
          }),
        });
      };
      const { inputs } = await prepared(IN, { storage: { data: { ...one, read } } });
      const [straight] = inputs.straight.values();
      const taken: Uint8Array[] = [];
      for await (const chunk of straight!.bytes(noSignal())) taken.push(chunk);
      expect(taken.every((chunk, index) => chunk === given[index])).toBe(true);
      // Kept to the end, and none was written over by a later one.
      expect(Buffer.concat(taken).equals(content)).toBe(true);
    }
  });

  it('is checked against an announced checksum, also in capitals and where nobody asks for one', async () => {
    const right = createHash('sha256').update('12345').digest('hex');
    const announced = adapter({ stat: (path) => Promise.resolve(file(path, 5, right.toUpperCase())) });
    const { inputs } = await prepared(IN, { storage: { data: announced }, sha256: false });
    await readStraight(inputs);
    expect(inputs.report().reports[0]?.sha256).toBe(right);
  });

  it('is not one that may be missing by then: whether it is there decides what is mounted', async () => {
    const gone = adapter({ read: () => Promise.reject(new StorageError('storage.not_found', 'gone')) });
    const optional = { inputs: [{ source: fromData('/in'), workspacePath: 'in', optional: true }] };
    const { inputs, workspace } = await prepared(optional, { storage: { data: gone } });
    expect(inputs.types).toEqual([null]);
    expect([...inputs.report().skipped]).toEqual([0]);
    expect(await readdir(workspace.workspacePath)).toEqual([]);
    const there = await prepared(optional, { storage: { data: adapter({}) } });
    expect(there.inputs.straight.size).toBe(0);
    expect(await readFile(join(there.workspace.inputsPath, '0'), 'utf8')).toBe('12345');
  });

  it('is refused for its announced size before anything of it is read, and counts beside what follows', async () => {
    let reads = 0;
    const counted = adapter({
      read: () => {
        reads += 1;
        return Promise.resolve(chunksOf(text('12345')));
      },
    });
    const storage = { data: counted };
    for (const limit of ['inputBytes', 'downloadBytes', 'fileBytes']) {
      const limits = { [limit]: 4 };
      await expect(prepared({ ...IN, limits }, { storage })).rejects.toMatchObject({
        code: 'workspace.too_large',
      });
    }
    const files = { mine: '123' };
    await prepared({ ...IN, limits: { inputBytes: 8 } }, { storage, files });
    await expect(prepared({ ...IN, limits: { inputBytes: 7 } }, { storage, files })).rejects.toMatchObject({
      code: 'workspace.too_large',
      message: 'workspace inputs total 8 bytes, more than the limit of 7 (maxWorkspaceBytes)',
    });
    expect(reads).toBe(0);
  });
});

describe('a file that goes straight is refused as a copy is, where the storage', () => {
  it.each<[string, Partial<StorageAdapter>, PlanFixture['limits']?]>([
    ['is short', giving(text('1234'))],
    ['gives nothing', giving()],
    ['is long', giving(text('123'), text('456'))],
    ['is long by more than the file may be', giving(text('123456')), { fileBytes: 5 }],
    ['is long by more than all may be', giving(text('123'), text('456789')), { inputBytes: 5 }],
    ['is long by more than may be downloaded', giving(text('12345'), text('6')), { downloadBytes: 5 }],
    ['announces another checksum', { stat: (path) => Promise.resolve(file(path, 5, 'a'.repeat(64))) }],
    [
      'is short and announces a checksum',
      { ...giving(text('1')), stat: (path) => Promise.resolve(file(path, 5, 'b')) },
    ],
    ['throws in the middle', giving(text('1'), new Error('line cut'))],
    [
      'says in the middle that nothing is there',
      giving(text('1'), new StorageError('storage.not_found', 'gone')),
    ],
    ['rejects', { read: () => Promise.reject(new TypeError('no credentials')) }],
    [
      'throws at once',
      {
        read: () => {
          throw new Error('sync');
        },
      },
    ],
    ['gives text for bytes', giving('12345')],
    ['gives no stream', { read: () => Promise.resolve(null as unknown as AsyncIterable<Uint8Array>) }],
    ['lists a file twice', listing(file('in/a', 5), file('in/a', 5))],
    ['lists a file within a file', listing(file('in/a', 5), file('in/a/b', 5))],
    ['lists a small file in the place of a large one', listing(file('in/a', 5), file('in/a', 1))],
  ])('%s', async (_, overrides, limits = {}) => {
    const fixture = { ...IN, limits };
    // One after the other: which of two that cannot both be is refused depends on which came first.
    const options = { storage: { data: adapter(overrides) }, concurrency: 1 };
    const copied: unknown = await stageInputs(
      await makeWorkspace(),
      planOf(fixture),
      stageOptions(options),
    ).catch((error: unknown) => error);
    expect(copied).toMatchObject({ code: expect.any(String) as string });
    const { code, message, retryable, details } = copied as StorageError;
    const sent = prepared(fixture, options).then(async ({ inputs }) => readStraight(inputs));
    await expect(sent).rejects.toMatchObject({ code, message, retryable, details });
  });

  it.each<[string, Partial<StorageAdapter>]>([
    ['hangs', { read: () => never }],
    [
      'hangs in its stream',
      {
        read: () =>
          Promise.resolve({ [Symbol.asyncIterator]: () => ({ next: () => never, return: () => never }) }),
      },
    ],
  ])('%s and it is given up', async (_, overrides) => {
    const { inputs } = await prepared(IN, { storage: { data: adapter(overrides) } });
    const giving = new AbortController();
    const reason = new Error('enough');
    const reading = readStraight(inputs, giving.signal);
    giving.abort(reason);
    await expect(reading).rejects.toBe(reason);
  });
});
