/** What is sent is what was verified, and an answer that was lost is asked for, not guessed. */
import { createHash } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StorageError } from '../../src/errors.js';
import { memoryStorage } from '../../src/storage/memory.js';
import type { StorageAdapter, StorageEntry } from '../../src/storage/types.js';
import type { FoundFile } from '../../src/workspace/found-file.js';
import { isExists, isStored, type ObjectTarget, sendFile, storeBody } from '../../src/workspace/send-file.js';
import { noSignal, openBelow, scratch } from '../host/scratch.js';

const digestOf = (text: string) => ({
  sizeBytes: Buffer.byteLength(text),
  sha256: createHash('sha256').update(text).digest('hex'),
});
const DIGEST = digestOf('hello');
async function* body(text = 'hello'): AsyncGenerator<Uint8Array, void, undefined> {
  yield await Promise.resolve(Buffer.from(text));
}
const placeOf = (adapter: StorageAdapter) => ({ adapter, mountId: 'out', purpose: 'output "o"' });
const targetOf = (adapter: StorageAdapter, fields: Partial<ObjectTarget> = {}): ObjectTarget => ({
  ...{ place: placeOf(adapter), path: 'o', contentType: null, overwrite: false, metadata: {} },
  ...{ idempotencyKey: 'k', isVisible: true },
  write: async (given, options) => adapter.write('o', given, options),
  ...fields,
});
const entry = (fields: Partial<StorageEntry> = {}): StorageEntry => ({
  ...{ path: 'o', type: 'file', sizeBytes: 5, ...fields },
});
const saying = (answer: unknown): Partial<ObjectTarget> => ({
  write: async () => Promise.resolve(answer as StorageEntry),
});
/** A storage that holds a text and tells as much of it as it is made to. */
function holding(text: string, told: Partial<StorageEntry> | null): StorageAdapter {
  const own = memoryStorage({ o: text });
  return {
    ...own,
    stat: async () =>
      Promise.resolve(told === null ? null : { ...entry(), sizeBytes: Buffer.byteLength(text), ...told }),
  };
}

describe('what a storage confirms', () => {
  const store = async (fields: Partial<ObjectTarget>): Promise<void> =>
    storeBody(body(), DIGEST, targetOf(memoryStorage(), fields), 1, noSignal());

  it.each([
    ['size and hash', entry({ sha256: DIGEST.sha256 })],
    ['a hash in capitals', entry({ sha256: DIGEST.sha256.toUpperCase() })],
    ['the size alone', entry()],
  ])('is taken: %s', async (_, answer) => {
    await store(saying(answer));
  });

  it.each([
    ['another size', entry({ sizeBytes: 4 }), 'it stored 4 bytes instead of 5'],
    ['another hash', entry({ sha256: 'f'.repeat(64) }), 'it stored bytes of another SHA-256 instead of 5'],
    ['nothing', undefined, 'it stored undefined bytes instead of 5'],
    ['null', null, 'it stored undefined bytes instead of 5'],
    ['a text', 'done', 'it stored undefined bytes instead of 5'],
  ])('is refused: %s', async (_, answer, words) => {
    await expect(store(saying(answer))).rejects.toMatchObject({
      code: 'storage.failed',
      message: `output "o": storage "out", "o": ${words}`,
    });
  });
});

describe('an object that exists already', () => {
  const exists: Partial<ObjectTarget> = {
    write: async () => Promise.reject(new StorageError('storage.exists', 'there')),
  };
  const again = async (adapter: StorageAdapter, tries: number, fields: Partial<ObjectTarget> = {}) =>
    storeBody(body(), DIGEST, targetOf(adapter, { ...exists, ...fields }), tries, noSignal());

  it('is ours if an earlier try may have stored it and it is exactly that', async () => {
    await again(holding('hello', { sha256: DIGEST.sha256 }), 2);
    await again(holding('hello', {}), 2);
  });

  it.each([
    ['at the first try', holding('hello', { sha256: DIGEST.sha256 }), 1, {}],
    ['with other bytes', holding('hullo', {}), 2, {}],
    ['within a transaction', holding('hello', { sha256: DIGEST.sha256 }), 2, { isVisible: false }],
  ])('is somebody else’s %s', async (_, adapter, tries, fields) => {
    await expect(again(adapter, tries, fields)).rejects.toMatchObject({ code: 'storage.exists' });
  });

  it('is no excuse for another failure', async () => {
    const failing = { write: async () => Promise.reject(new StorageError('storage.failed', 'no')) };
    await expect(again(holding('hello', {}), 2, failing)).rejects.toMatchObject({ code: 'storage.failed' });
    expect([isExists(new StorageError('storage.exists', '')), isExists(new Error('storage.exists'))]).toEqual(
      [true, false],
    );
  });
});

describe('whether exactly these bytes are stored', () => {
  it.each([
    ['with their hash', holding('hello', { sha256: DIGEST.sha256 }), true],
    ['with their hash in capitals', holding('hello', { sha256: DIGEST.sha256.toUpperCase() }), true],
    ['with another hash', holding('hello', { sha256: 'f'.repeat(64) }), false],
    ['as they are read', holding('hello', {}), true],
    ['as other bytes are read', holding('hullo', {}), false],
    ['with another size', holding('hello', { sizeBytes: 6, sha256: DIGEST.sha256 }), false],
    ['as a longer file than it says', holding('hello and more', { sizeBytes: 5 }), false],
    ['as a folder', holding('hello', { type: 'directory', sha256: DIGEST.sha256 }), false],
    ['where nothing is', holding('hello', null), false],
  ])('%s: %s', async (_, adapter, expected) => {
    expect(await isStored(placeOf(adapter), 'o', DIGEST, noSignal())).toBe(expected);
  });

  it('is not read on where there are more', async () => {
    let given = 0;
    const adapter: StorageAdapter = {
      ...holding('hello', {}),
      // eslint-disable-next-line @typescript-eslint/require-await -- as the port has it
      read: async () =>
        (async function* () {
          for (; given < 100; given += 1) yield await Promise.resolve(Buffer.from('hel'));
        })(),
    };
    expect(await isStored(placeOf(adapter), 'o', DIGEST, noSignal())).toBe(false);
    expect(given).toBeLessThan(3);
  });
});

describe('a file that is sent', () => {
  async function sending(
    content: string,
    fields: Partial<FoundFile> = {},
    target: Partial<ObjectTarget> = {},
  ) {
    const folder = await scratch();
    const path = join(folder, 'o');
    await writeFile(path, content);
    let opened = 0;
    const file: FoundFile = {
      ...{ path: 'out/o', relativePath: '', digest: DIGEST },
      isUnchanged: async () => Promise.resolve(false),
      open: async () => {
        opened += 1;
        return open(path);
      },
      ...fields,
    };
    const storage = memoryStorage();
    const sent = sendFile(file, targetOf(storage, target), {
      ...{ signal: noSignal(), pause: async () => Promise.resolve() },
    });
    return { sent, storage, folder, opened: () => opened };
  }

  it('is stored, and looked at once more where it may have changed', async () => {
    const { sent, storage } = await sending('hello');
    await sent;
    expect(Buffer.from(storage.files()['o'] ?? '').toString()).toBe('hello');
  });

  it('is not looked at again where nothing can have changed it', async () => {
    // The storage took it at its word.
    const { sent } = await sending(
      'hullo',
      { isUnchanged: async () => Promise.resolve(true) },
      saying(entry()),
    );
    await sent;
  });

  it.each([
    ['has other bytes', 'hullo', saying(entry()), ''],
    ['has grown', 'hello, and more', {}, ''],
    ['is one of many', 'hullo', saying(entry()), 'a/b'],
  ])('that %s by now is not what was verified', async (_, content, target, relativePath) => {
    const { sent, opened } = await sending(content, { relativePath }, target);
    const name = relativePath === '' ? '' : `: ${JSON.stringify(relativePath)}`;
    await expect(sent).rejects.toMatchObject({
      code: 'storage.failed',
      message: `output "o"${name} changed while it was uploaded`,
    });
    expect(opened()).toBe(1);
  });

  it('is closed, also where its storage fails, which is told as it is', async () => {
    const { sent, folder } = await sending(
      'hello',
      {},
      {
        write: async () => Promise.reject(new StorageError('storage.exists', 'there')),
      },
    );
    await expect(sent).rejects.toMatchObject({ code: 'storage.exists' });
    expect(await openBelow(folder)).toEqual([]);
    const fine = await sending('hello');
    await fine.sent;
    expect(await openBelow(fine.folder)).toEqual([]);
  });

  it('is opened anew for each try', async () => {
    const storage = memoryStorage();
    let tries = 0;
    const write: ObjectTarget['write'] = async (given, options) => {
      tries += 1;
      if (tries < 3) throw new StorageError('storage.failed', 'busy');
      return storage.write('o', given, options);
    };
    const { sent, opened } = await sending('hello', {}, { write });
    await sent;
    expect([tries, opened()]).toEqual([3, 3]);
  });
});
