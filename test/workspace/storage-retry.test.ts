/** A call to a storage is tried again where that may help, and no oftener than it may. */
import { describe, expect, it } from 'vitest';
import { StorageError, WorkspaceError } from '../../src/errors.js';
import { withRetries } from '../../src/workspace/storage-retry.js';

const passing = new StorageError('storage.failed', 'busy');

/** Fails as often as there are errors, then succeeds. */
function calling(errors: readonly Error[], signal = new AbortController().signal) {
  const tries: number[] = [];
  const pauses: number[] = [];
  const result = withRetries(
    { signal, pause: async (milliseconds) => Promise.resolve(void pauses.push(milliseconds)) },
    async (count) => {
      tries.push(count);
      const error = errors[count - 1];
      return error === undefined ? Promise.resolve('done') : Promise.reject(error);
    },
  );
  return { tries, pauses, result };
}

describe('a call to a storage', () => {
  it('that fails twice succeeds at the third try, after longer pauses', async () => {
    const { tries, pauses, result } = calling([passing, passing]);
    expect(await result).toBe('done');
    expect([tries, pauses]).toEqual([
      [1, 2, 3],
      [200, 1_000],
    ]);
  });

  it('is not tried a fourth time', async () => {
    const { tries, result } = calling([passing, passing, passing, passing]);
    await expect(result).rejects.toBe(passing);
    expect(tries).toEqual([1, 2, 3]);
  });

  it.each([
    ['what exists', new StorageError('storage.exists', 'there')],
    ['what is missing', new StorageError('storage.not_found', 'not there')],
    ['an error of ours', new WorkspaceError('workspace.failed', 'no')],
    ['anything else', new Error('no')],
  ])('is not tried again for %s', async (_, error) => {
    const { tries, result } = calling([error]);
    await expect(result).rejects.toBe(error);
    expect(tries).toEqual([1]);
  });

  it('is not begun, nor tried again, once the signal is aborted', async () => {
    const before = calling([], AbortSignal.abort('enough'));
    await expect(before.result).rejects.toBe('enough');
    expect(before.tries).toEqual([]);
    const caller = new AbortController();
    const pauses: number[] = [];
    const result = withRetries(
      { signal: caller.signal, pause: async (each) => Promise.resolve(void pauses.push(each)) },
      async () => {
        caller.abort('enough');
        return Promise.reject(passing);
      },
    );
    await expect(result).rejects.toBe(passing);
    expect(pauses).toEqual([]);
  });
});
