/** Cases about looking at, listing and reading what a storage holds. */
import { createHash } from 'node:crypto';
import { check, checkEqual, checkRejects, checkRejectsWith, type CaseOf } from './conformance-case.js';
import { storageCase, unaborted, type StorageTrial } from './storage-trial.js';

const MEBIBYTE = 1024 * 1024;
const bytesOf = (size: number): Buffer =>
  Buffer.from(Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8)) % 256));

const NAMES = [
  'with blank',
  'ünï-日本-🚢',
  'a%2Fb%20c',
  'a+b&c=d',
  "it's",
  '(x) [y] {z}',
  '#?',
  '.hidden',
  '~',
  '-dash',
];

/** The cases. */
export const READ_CASES: readonly CaseOf<StorageTrial>[] = [
  storageCase('the root is a directory', async ({ stat }) => {
    const root = await stat('');
    checkEqual([root?.type, root?.sizeBytes], ['directory', 0], 'stat of the root');
  }),
  storageCase('where nothing is, stat gives null', async ({ at, stat, write }) => {
    await write(at('file'), 'x');
    for (const path of [at('missing'), at('missing/beneath'), at('file/beneath'), at('fil')]) {
      checkEqual(await stat(path), null, `stat of ${path}`);
    }
  }),
  storageCase('a file has its type, size and, where it is known, its hash', async ({ at, stat, write }) => {
    const path = at('folder/file.txt');
    const written = await write(path, 'hello');
    const sha256 = createHash('sha256').update('hello').digest('hex');
    checkEqual(written.path, path, 'the path of what was written');
    for (const entry of [written, await stat(path)]) {
      checkEqual([entry?.type, entry?.sizeBytes], ['file', 5], 'the entry');
      checkEqual(entry?.sha256 ?? sha256, sha256, 'the hash of the entry');
    }
  }),
  storageCase('a folder is there when something lies beneath it', async ({ at, stat, write }) => {
    await write(at('a/b/file'), 'x');
    for (const path of [at(), at('a'), at('a/b')]) {
      const entry = await stat(path);
      checkEqual([entry?.type, entry?.sizeBytes], ['directory', 0], `stat of ${path}`);
    }
  }),
  storageCase(
    'list gives everything beneath a folder once, with full paths, parents first',
    async ({ at, list, write }) => {
      const files = ['b', 'a/one', 'a/deep/er/two', 'c/three'];
      for (const name of files) await write(at(name), name);
      const entries = await list(at());
      const paths = entries.map(({ path }) => path);
      const expected = [...files, 'a', 'a/deep', 'a/deep/er', 'c'].map(at).sort();
      checkEqual([...paths].sort(), expected, 'the paths listed');
      for (const { path, type, sizeBytes } of entries) {
        const name = files.find((file) => at(file) === path);
        checkEqual([type, sizeBytes], name === undefined ? ['directory', 0] : ['file', name.length], path);
        const parent = path.slice(0, path.lastIndexOf('/'));
        const isBefore = parent === at() || paths.indexOf(parent) < paths.indexOf(path);
        check(isBefore, `list: ${path} comes before its parent`);
      }
    },
  ),
  storageCase('list keeps to its folder, not to what begins alike', async ({ at, list, write }) => {
    for (const name of ['a/in', 'ab/out', 'a.txt']) await write(at(name), 'x');
    checkEqual(
      (await list(at('a'))).map(({ path }) => path),
      [at('a/in')],
      'the paths listed',
    );
  }),
  storageCase('listing what is not there is storage.not_found', async ({ at, list }) => {
    await checkRejects(list(at('missing')), ['storage.not_found'], 'list of a missing folder');
  }),
  storageCase('breaking off a list does no harm', async ({ at, storage, list, write }) => {
    for (const name of ['1', '2', '3']) await write(at(name), 'x');
    for await (const entry of storage.list(at(), { signal: unaborted() })) {
      checkEqual(entry.type, 'file', 'the first entry');
      break;
    }
    checkEqual((await list(at())).length, 3, 'entries, listed again');
  }),
  storageCase(
    'reading what is not there, or a folder, is storage.not_found',
    async ({ at, storage, within, write }) => {
      await write(at('folder/file'), 'x');
      for (const path of [at('missing'), at('folder'), at('folder/file/beneath')]) {
        const reading = within('read', storage.read(path, { signal: unaborted() }));
        await checkRejects(reading, ['storage.not_found'], `read of ${path}`);
      }
    },
  ),
  storageCase('bytes come back exactly', async ({ at, read, write }) => {
    const everyByte = Buffer.concat([bytesOf(256), Buffer.from([0xff, 0xfe, 0x00, 0x0d, 0x0a, 0xc3, 0x28])]);
    await write(at('file'), everyByte);
    checkEqual((await read(at('file'))).equals(everyByte), true, 'the bytes are the same');
  }),
  storageCase(
    'a file of several mebibytes in odd chunks comes back exactly',
    async ({ at, read, writeBody }) => {
      const content = bytesOf(3 * MEBIBYTE + 1);
      async function* oddChunks(): AsyncGenerator<Uint8Array> {
        for (let from = 0, size = 1; from < content.length; from += size, size = (size * 7) % 200_003) {
          yield await Promise.resolve(content.subarray(from, from + size));
        }
      }
      const entry = await writeBody(at('file'), oddChunks(), content);
      checkEqual(entry.sizeBytes, content.length, 'the size');
      checkEqual((await read(at('file'))).equals(content), true, 'the bytes are the same');
    },
  ),
  storageCase('an empty file is a file', async ({ at, list, read, stat, write }) => {
    await write(at('empty'), '');
    const entry = await stat(at('empty'));
    checkEqual([entry?.type, entry?.sizeBytes], ['file', 0], 'stat');
    checkEqual((await read(at('empty'))).length, 0, 'bytes read');
    checkEqual((await list(at())).length, 1, 'entries listed');
  }),
  storageCase('breaking off a read does no harm', async ({ at, storage, read, within, write }) => {
    const content = bytesOf(MEBIBYTE);
    await write(at('file'), content);
    const first = async (): Promise<number> => {
      for await (const chunk of await storage.read(at('file'), { signal: unaborted() })) return chunk.length;
      return 0;
    };
    check((await within('read', first())) > 0, 'read: the first chunk is empty');
    checkEqual((await read(at('file'))).equals(content), true, 'the bytes are the same, read again');
  }),
  storageCase('names are taken as they are', async ({ at, list, read, write }) => {
    for (const name of NAMES) await write(at(`${name}/${name}`), name);
    for (const name of NAMES) {
      checkEqual((await read(at(`${name}/${name}`))).toString(), name, `the content of ${name}`);
    }
    const listed = (await list(at())).filter(({ type }) => type === 'file').map(({ path }) => path);
    checkEqual([...listed].sort(), NAMES.map((name) => at(`${name}/${name}`)).sort(), 'the paths listed');
  }),
  storageCase('folders may be deep', async ({ at, list, read, write }) => {
    const folders = Array.from({ length: 20 }, (_, index) => `level-${index}`).join('/');
    await write(at(`${folders}/file`), 'deep');
    checkEqual((await read(at(`${folders}/file`))).toString(), 'deep', 'the content');
    checkEqual((await list(at())).length, 21, 'entries listed');
  }),
  storageCase(
    'an aborted signal makes stat, list and read reject with its reason',
    async ({ at, storage, within, write }) => {
      await write(at('file'), 'x');
      const reason = new Error('enough');
      const signal = AbortSignal.abort(reason);
      const next = (entries: AsyncIterable<unknown>): Promise<unknown> =>
        entries[Symbol.asyncIterator]().next();
      const calls: Readonly<Record<string, () => Promise<unknown>>> = {
        stat: () => storage.stat(at('file'), { signal }),
        list: () => next(storage.list(at(), { signal })),
        read: async () => next(await storage.read(at('file'), { signal })),
      };
      for (const [name, call] of Object.entries(calls)) {
        await checkRejectsWith(within(name, call()), reason, `${name} with an aborted signal`);
      }
    },
  ),
];
