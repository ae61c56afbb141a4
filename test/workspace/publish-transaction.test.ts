/** What a storage with transactions says of objects that exist is about objects of others: nothing of ours can be seen before a commit. */
import { describe, expect, it } from 'vitest';
import { StorageError } from '../../src/errors.js';
import type { StorageAdapter } from '../../src/storage/types.js';
import { collectThree, textsOf, transactional } from './publish-fixture.js';

const exists = new StorageError('storage.exists', 'there');
/** What stands at the place of one of the outputs, byte for byte, and is not of this run. */
const TWIN = { 'out/b': 'content of b' };

describe('an object that exists, with just the bytes that were to be stored', () => {
  it('is not ours where a write within the transaction says so, at whatever try', async () => {
    let tries = 0;
    const faulty = transactional(
      {
        write: async (path, write) => {
          if (path !== 'out/b') return write();
          tries += 1;
          throw tries === 1 ? new Error('busy') : exists;
        },
      },
      TWIN,
    );
    const { reports, failure } = await collectThree(faulty.adapter);
    expect(tries).toBe(2);
    expect(reports.map(({ state }) => state)).toEqual(['failed', 'failed', 'failed']);
    expect(failure).toMatchObject({ code: 'storage.exists' });
    expect(textsOf(faulty)).toEqual(TWIN);
  });

  it('is not ours where the commit says so', async () => {
    const faulty = transactional({ commit: async () => Promise.reject(exists) }, TWIN);
    const { reports, failure } = await collectThree(faulty.adapter, {}, { overwrite: true });
    expect(reports.map(({ state, files }) => [state, files[0]?.uploaded])).toEqual(
      ['a', 'b', 'c'].map(() => ['failed', null]),
    );
    expect(failure).toMatchObject({ code: 'storage.exists' });
    expect(textsOf(faulty)).toEqual(TWIN);
  });
});

describe('a commit of which nobody can tell what came', () => {
  it('has failed, with what the commit said', async () => {
    const faulty = transactional({ commit: async () => Promise.reject(new Error('line cut')) });
    const adapter: StorageAdapter = {
      ...faulty.adapter,
      stat: async () => Promise.reject(new Error('no answer')),
    };
    const { reports, failure } = await collectThree(adapter);
    expect(reports.map(({ state }) => state)).toEqual(['failed', 'failed', 'failed']);
    expect(failure?.message).toContain('line cut');
    expect(failure?.message).not.toContain('no answer');
  });
});
