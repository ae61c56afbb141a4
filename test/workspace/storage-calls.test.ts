/** Adapters may hang, throw anything and answer anything: what comes of it is an answer that can be trusted, or one of our errors. */
import { describe, expect, it } from 'vitest';
import { StorageError, WorkspaceError } from '../../src/errors.js';
import { memoryStorage } from '../../src/storage/memory.js';
import type { StorageAdapter } from '../../src/storage/types.js';
import {
  callStorage,
  isNotFound,
  listStorage,
  readStorage,
  statStorage,
  storageName,
  type StoragePlace,
} from '../../src/workspace/storage-calls.js';
import { noSignal } from '../host/scratch.js';

const placeOf = (fields: Partial<StorageAdapter> = {}, mountId: string | null = 'data'): StoragePlace => ({
  ...{ adapter: { ...memoryStorage(), ...fields }, mountId, purpose: 'input "a"' },
});
const call = async (
  work: () => Promise<unknown>,
  path: string | null = 'x',
  mountId: string | null = 'data',
) => callStorage(placeOf({}, mountId), path, noSignal(), work);
const answering = (entry: unknown): StoragePlace =>
  placeOf({ stat: async () => Promise.resolve(entry as never) });

describe('a call to a storage', () => {
  it.each([
    ['an error', new Error('disk gone'), 'storage.failed', 'input "a": storage "data", "x": disk gone'],
    ['anything', 'disk gone', 'storage.failed', 'input "a": storage "data", "x": disk gone'],
    [
      'an error of its own',
      new StorageError('storage.not_found', 'no'),
      'storage.not_found',
      'input "a": storage "data", "x": no',
    ],
    [
      'one that is told already',
      new StorageError('storage.failed', 'input "a": no'),
      'storage.failed',
      'input "a": no',
    ],
    [
      'a limit of ours',
      new WorkspaceError('workspace.too_large', 'too much'),
      'workspace.too_large',
      'too much',
    ],
  ])('that throws %s is told whose it was', async (_, error, code, message) => {
    await expect(call(async () => Promise.reject(error as Error))).rejects.toMatchObject({ code, message });
    await expect(
      call(() => {
        throw error as Error;
      }),
    ).rejects.toMatchObject({ code, message });
  });

  it('without a path, or to the caller’s own storage, is told as such, with its cause and hint', async () => {
    const cause = new StorageError('storage.failed', 'no', { hint: 'log in' });
    await expect(call(async () => Promise.reject(cause), null, null)).rejects.toMatchObject({
      message: 'input "a": the storage given as outputTo: no',
      hint: 'log in',
      cause,
    });
    expect([storageName(null), storageName('5')]).toEqual(['the storage given as outputTo', 'storage "5"']);
  });

  it('that hangs ends with the signal’s reason, and is not begun after it', async () => {
    const caller = new AbortController();
    const hanging = callStorage(placeOf(), 'x', caller.signal, async () => new Promise(() => undefined));
    const reason = new Error('enough');
    caller.abort(reason);
    await expect(hanging).rejects.toBe(reason);
    let isBegun = false;
    const late = callStorage(placeOf(), 'x', caller.signal, async () => Promise.resolve((isBegun = true)));
    await expect(late).rejects.toBe(reason);
    expect(isBegun).toBe(false);
  });
});

describe('what a storage says is there', () => {
  it.each([
    ['a file', { path: 'x', type: 'file', sizeBytes: 5 }],
    ['an empty file', { path: 'x', type: 'file', sizeBytes: 0 }],
    ['a file, without the path that was asked for', { type: 'file', sizeBytes: 5 }],
    ['a folder, of whatever size', { path: 'x', type: 'directory', sizeBytes: -1 }],
    ['nothing', null],
  ])('is taken: %s', async (_, entry) => {
    expect(await statStorage(answering(entry), 'x', noSignal())).toEqual(entry);
  });

  it.each([
    ['nothing at all', undefined, 'it is no object'],
    ['a text', 'x', 'it is no object'],
    ['another type', { type: 'link', sizeBytes: 5 }, 'its type is neither "file" nor "directory"'],
    ['a size below zero', { type: 'file', sizeBytes: -1 }, 'its sizeBytes is no whole number of 0 or more'],
    ['half a byte', { type: 'file', sizeBytes: 0.5 }, 'its sizeBytes is no whole number of 0 or more'],
    [
      'a size that is text',
      { type: 'file', sizeBytes: '5' },
      'its sizeBytes is no whole number of 0 or more',
    ],
  ])('is refused: %s', async (_, entry, problem) => {
    await expect(statStorage(answering(entry), 'x', noSignal())).rejects.toMatchObject({
      code: 'storage.failed',
      message: `input "a": storage "data" gave a wrong entry for "x": ${problem}`,
    });
  });

  it('is nothing where it says so by an error, and a failure for any other one', async () => {
    const throwing = (error: Error) => placeOf({ stat: async () => Promise.reject(error) });
    expect(
      await statStorage(throwing(new StorageError('storage.not_found', 'no')), 'x', noSignal()),
    ).toBeNull();
    await expect(statStorage(throwing(new Error('no')), 'x', noSignal())).rejects.toThrow('no');
    expect([isNotFound(new StorageError('storage.failed', '')), isNotFound(null)]).toEqual([false, false]);
  });

  it('in a list is checked one by one', async () => {
    const place = placeOf({
      async *list() {
        yield await Promise.resolve({ path: 'x/a', type: 'file' as const, sizeBytes: 1 });
        yield { path: 'x/b', type: 'file' as const, sizeBytes: -1 };
      },
    });
    const seen: string[] = [];
    const listing = (async () => {
      for await (const { path } of listStorage(place, 'x', noSignal())) seen.push(path);
    })();
    await expect(listing).rejects.toThrow('gave a wrong entry for "x"');
    expect(seen).toEqual(['x/a']);
  });

  it.each([
    ['be nothing', null, 'it is no object'],
    ['be without a path', { type: 'file', sizeBytes: 1 }, 'its path is no text'],
  ])('in a list may not %s', async (_, entry, problem) => {
    const place = placeOf({
      async *list() {
        yield await Promise.resolve(entry as never);
      },
    });
    await expect(listStorage(place, 'x', noSignal()).next()).rejects.toThrow(
      `gave a wrong entry for "x": ${problem}`,
    );
  });

  it('is read to its end, and what breaks off is told', async () => {
    const read = async (place: StoragePlace): Promise<string> => {
      let text = '';
      for await (const chunk of readStorage(place, 'x', noSignal())) text += Buffer.from(chunk).toString();
      return text;
    };
    expect(await read({ ...placeOf(), adapter: memoryStorage({ x: 'hello' }) })).toBe('hello');
    const breaking = placeOf({
      // eslint-disable-next-line @typescript-eslint/require-await -- as the port has it
      read: async () =>
        (async function* () {
          yield await Promise.resolve(Buffer.from('he'));
          throw new Error('connection lost');
        })(),
    });
    await expect(read(breaking)).rejects.toThrow('input "a": storage "data", "x": connection lost');
  });
});
