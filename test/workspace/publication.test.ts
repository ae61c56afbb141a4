/** A publication is data: whoever reads it after a crash can finish it or take it back, with any adapter for the same storage, once or again. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Publication } from '../../src/run-store/types.js';
import { memoryStorage } from '../../src/storage/memory.js';
import type { StorageAdapter, WriteOptions } from '../../src/storage/types.js';
import {
  finishPublication,
  publicationId,
  temporaryPathOf,
  withdrawPublication,
} from '../../src/workspace/publication.js';
import { noSignal } from '../host/scratch.js';

const VARIABLES = { runId: 'r1', attempt: 2, startedAt: '2024-01-02T03:04:05.000Z' };
const TEMPORARY = ['out/.t-0', 'out/.t-1'] as const;
const objectFor = (
  path: string,
  temporaryPath: string | null,
  text: string,
): Publication['objects'][number] => ({
  ...{ path, temporaryPath, contentType: 'text/plain', overwrite: false, idempotencyKey: `key of ${path}` },
  ...{ sizeBytes: text.length, sha256: createHash('sha256').update(text).digest('hex') },
});
const BY_TEMPORARY: Publication = {
  ...{ mountId: '5', transactionId: null, metadata: { jobRunId: 'r1' } },
  objects: [objectFor('out/a', TEMPORARY[0], 'text a'), objectFor('out/b', TEMPORARY[1], 'text b')],
};
const IN_TRANSACTION: Publication = {
  ...{ mountId: null, transactionId: 't1', metadata: {} },
  objects: [objectFor('out/a', null, 'text a')],
};

/** Ends a publication, and gives how often it paused. */
async function end(
  work: typeof finishPublication,
  publication: Publication,
  adapter: StorageAdapter,
): Promise<number> {
  let pauses = 0;
  const pause = async (): Promise<void> => Promise.resolve(void (pauses += 1));
  await work(publication, { adapter, signal: noSignal(), pause });
  return pauses;
}

describe('the names of a publication', () => {
  it('are the same for the same attempt and storage, and others for any other', () => {
    const id = publicationId(VARIABLES, '5');
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(publicationId({ ...VARIABLES }, '5')).toBe(id);
    const others = [
      publicationId({ ...VARIABLES, runId: 'r2' }, '5'),
      publicationId({ ...VARIABLES, attempt: 3 }, '5'),
      publicationId({ ...VARIABLES, startedAt: '2024-01-02T03:04:06.000Z' }, '5'),
      publicationId(VARIABLES, null),
      publicationId(VARIABLES, 'null'),
    ];
    expect(new Set([id, ...others]).size).toBe(6);
  });

  it('lie beside what they are for', () => {
    expect(temporaryPathOf('a/b/c', 'id', 0)).toBe('a/b/.berthkit-temporary-id-0');
    expect(temporaryPathOf('c', 'id', 11)).toBe('.berthkit-temporary-id-11');
  });
});

describe('a publication by temporary objects', () => {
  it('is finished with what is not there yet, as it was announced, and once', async () => {
    const memory = memoryStorage({ [TEMPORARY[0]]: 'text a', [TEMPORARY[1]]: 'text b', 'out/a': 'text a' });
    const written: [string, WriteOptions][] = [];
    const adapter: StorageAdapter = {
      ...memory,
      write: async (path, body, options) => {
        written.push([path, options]);
        return memory.write(path, body, options);
      },
    };
    for (let times = 0; times < 2; times += 1) await end(finishPublication, BY_TEMPORARY, adapter);
    expect(Object.keys(memory.files()).sort()).toEqual(['out/a', 'out/b']);
    expect(Buffer.from(memory.files()['out/b'] ?? '').toString()).toBe('text b');
    expect(written).toHaveLength(1);
    const { sizeBytes, sha256 } = objectFor('out/b', null, 'text b');
    expect(written[0]).toMatchObject([
      'out/b',
      {
        ...{ contentType: 'text/plain', overwrite: false, idempotencyKey: 'key of out/b' },
        ...{ metadata: { jobRunId: 'r1' }, sizeBytes, sha256 },
      },
    ]);
  });

  it('is not finished with other bytes, or with none, and then can be tried again', async () => {
    for (const temporary of [{ [TEMPORARY[1]]: 'text c' }, {}]) {
      const memory = memoryStorage({ 'out/a': 'text a', ...temporary });
      await expect(end(finishPublication, BY_TEMPORARY, memory)).rejects.toMatchObject({
        code: expect.stringMatching(/^storage\.(failed|not_found)$/) as string,
        message: expect.stringMatching(/^outputs: /) as string,
      });
      expect(memory.files()).toHaveProperty(['out/a']);
      expect(Object.keys(memory.files())).toEqual(['out/a', ...Object.keys(temporary)].sort());
    }
  });

  it('is taken back, and nothing but that', async () => {
    const memory = memoryStorage({ [TEMPORARY[0]]: 'text a', 'out/other': 'theirs' });
    for (let times = 0; times < 2; times += 1) await end(withdrawPublication, BY_TEMPORARY, memory);
    expect(Object.keys(memory.files())).toEqual(['out/other']);
  });

  it('is taken back though the storage fails at first', async () => {
    const memory = memoryStorage({ [TEMPORARY[0]]: 'text a' });
    let tries = 0;
    const remove: StorageAdapter['remove'] = async (path, options) => {
      tries += 1;
      if (tries === 1) throw new Error('busy');
      await memory.remove?.(path, options);
    };
    expect(await end(withdrawPublication, BY_TEMPORARY, { ...memory, remove })).toBe(1);
    expect(memory.files()).toEqual({});
  });

  it('needs an adapter that can remove', async () => {
    const { stat, list, read, write } = memoryStorage();
    await expect(end(withdrawPublication, BY_TEMPORARY, { stat, list, read, write })).rejects.toMatchObject({
      code: 'storage.failed',
      message: `outputs: storage "5", "${TEMPORARY[0]}": the adapter has no remove, which it had when the run published`,
    });
  });
});

describe('a publication in a transaction', () => {
  it.each([
    ['finished', finishPublication, ['begin t1', 'commit']],
    ['taken back', withdrawPublication, ['begin t1', 'abort']],
  ] as const)('is %s by its id', async (_, work, expected) => {
    const told: string[] = [];
    const note = async (what: string): Promise<void> => Promise.resolve(void told.push(what));
    const adapter: StorageAdapter = {
      ...memoryStorage(),
      remove: async (path) => note(`remove ${path}`),
      begin: ({ transactionId }) => {
        told.push(`begin ${transactionId}`);
        return {
          write: async () => Promise.reject(new Error('not to be written')),
          commit: async () => note('commit'),
          abort: async () => note('abort'),
        };
      },
    };
    await end(work, IN_TRANSACTION, adapter);
    expect(told).toEqual(expected);
  });

  it('needs an adapter that has them', async () => {
    const { stat, list, read, write } = memoryStorage();
    for (const work of [finishPublication, withdrawPublication]) {
      await expect(end(work, IN_TRANSACTION, { stat, list, read, write })).rejects.toMatchObject({
        code: 'storage.failed',
        message:
          'outputs: the storage given as outputTo: the adapter has no begin, which it had when the run published',
      });
    }
  });
});
