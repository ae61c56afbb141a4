/** Which way outputs are published depends on how many there are and on what their storage can. */
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { PublicationStep } from '../../src/run-store/types.js';
import { memoryStorage } from '../../src/storage/memory.js';
import type { StorageAdapter } from '../../src/storage/types.js';
import { at, collect, to } from './collect-fixture.js';
import { makeWorkspace } from './plan-fixture.js';
import { collectThree } from './publish-fixture.js';

/** A storage that notes what is written to it itself, and how often a transaction is begun. */
function noting(can: { readonly begin: boolean; readonly remove: boolean }) {
  const { stat, list, read, write, begin, remove } = memoryStorage();
  const written: string[] = [];
  let begun = 0;
  const adapter: StorageAdapter = {
    ...{ stat, list, read },
    write: async (path, body, options) => {
      written.push(path);
      return write(path, body, options);
    },
    ...(can.remove && remove !== undefined ? { remove } : {}),
    ...(can.begin && begin !== undefined
      ? {
          begin: (options) => {
            begun += 1;
            return begin(options);
          },
        }
      : {}),
  };
  return { adapter, written, begun: () => begun };
}

const steps: PublicationStep[] = [];
const journal = async (step: PublicationStep): Promise<void> => Promise.resolve(void steps.push(step));

describe('a single object', () => {
  it.each([
    ['has transactions', { begin: true, remove: true }],
    ['can remove', { begin: false, remove: true }],
    ['can neither', { begin: false, remove: false }],
  ])('is written to its place at once, also where the storage %s', async (_, can) => {
    steps.length = 0;
    const { adapter, written, begun } = noting(can);
    const workspace = await makeWorkspace();
    writeFileSync(at(workspace, 'a'), 'a');
    const outputs = [{ workspacePath: 'a', upload: to('out/a') }];
    const { failure } = await collect(workspace, outputs, { storage: { 5: adapter }, journal });
    expect([failure, written, begun(), steps]).toEqual([null, ['out/a'], 0, []]);
  });
});

describe('several objects', () => {
  it.each([
    ['in one transaction', { begin: true, remove: true }, 0, 3],
    ['by others that stand for them', { begin: false, remove: true }, 6, 3],
    ['one by one where nothing else can be done', { begin: false, remove: false }, 3, 0],
  ])('are published %s', async (_, can, writes, told) => {
    steps.length = 0;
    const { adapter, written, begun } = noting(can);
    const { failure } = await collectThree(adapter, { journal });
    expect(failure).toBeNull();
    expect([written.length, begun() > 0, steps.length]).toEqual([writes, can.begin, told]);
  });

  it('are called outputs where it is of none of them that something fails', async () => {
    const adapter: StorageAdapter = {
      ...memoryStorage(),
      begin: () => {
        throw new Error('too many transactions');
      },
    };
    await expect(collectThree(adapter)).rejects.toMatchObject({
      code: 'storage.failed',
      message: 'outputs: storage "5": too many transactions',
    });
  });
});
