import { describe, expect, it } from 'vitest';
import { memoryStorage } from '../../src/storage/memory.js';
import { fromData, inline, makeWorkspace, planOf, stageInputs, stageOptions } from './plan-fixture.js';

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
