/** Each of these faults of a storage's transactions, or of its removing, is caught by a case that is about it. */
import { describe, expect, it } from 'vitest';
import { memoryStorage } from '../../src/storage/memory.js';
import type { StorageAdapter, StorageTransaction } from '../../src/storage/types.js';
import { storageConformance } from '../../src/testing/index.js';
import { failingCases } from './failing-cases.js';

type Memory = Required<Pick<StorageAdapter, 'begin' | 'remove'>> & StorageAdapter;
type Mutate = (memory: Memory) => StorageAdapter;

const plain = (): Memory => {
  const memory = memoryStorage();
  if (memory.begin === undefined || memory.remove === undefined)
    throw new Error('memoryStorage lacks a method');
  return { ...memory, begin: memory.begin, remove: memory.remove };
};

const withTransaction =
  (
    change: (transaction: StorageTransaction, memory: Memory, id: string) => Partial<StorageTransaction>,
  ): Mutate =>
  (memory) => ({
    ...memory,
    begin: (options) => {
      const transaction = memory.begin(options);
      return { ...transaction, ...change(transaction, memory, options.transactionId) };
    },
  });

const written = new WeakMap<StorageTransaction, string[]>();
const pathsOf = (transaction: StorageTransaction): string[] => {
  const paths = written.get(transaction) ?? [];
  written.set(transaction, paths);
  return paths;
};

const mutations: Readonly<Record<string, readonly [caughtBy: string, mutate: Mutate]>> = {
  'shows at once what a transaction holds': [
    'what a transaction holds is invisible before its commit, and all there after it',
    withTransaction((_transaction, memory) => ({
      write: (...call) => memory.write(...call),
    })),
  ],
  'forgets a part of the commit': [
    'what a transaction holds is invisible before its commit, and all there after it',
    withTransaction((transaction) => ({
      write: async (path, body, options) =>
        path.endsWith('/c')
          ? { path, type: 'file', sizeBytes: options.sizeBytes }
          : transaction.write(path, body, options),
    })),
  ],
  'keeps what was aborted': [
    'an aborted transaction leaves nothing, and may be aborted again',
    withTransaction((transaction) => ({ abort: (options) => transaction.commit(options) })),
  ],
  'aborts once': [
    'an aborted transaction leaves nothing, and may be aborted again',
    withTransaction((transaction) => {
      let isOver = false;
      return {
        abort: async (options) => {
          if (isOver) throw new Error('it is over');
          isOver = true;
          await transaction.abort(options);
        },
      };
    }),
  ],
  'commits once': [
    'after a commit, committing again is success and aborting changes nothing',
    withTransaction((transaction) => {
      let isOver = false;
      return {
        commit: async (options) => {
          if (isOver) throw new Error('it is over');
          isOver = true;
          await transaction.commit(options);
        },
      };
    }),
  ],
  'undoes a commit when it is told to abort': [
    'after a commit, committing again is success and aborting changes nothing',
    withTransaction((transaction, memory) => ({
      write: (path, ...rest) => {
        pathsOf(transaction).push(path);
        return transaction.write(path, ...rest);
      },
      abort: async (options) => {
        for (const path of pathsOf(transaction)) await memory.remove(path, options);
      },
    })),
  ],
  'reserves the names of what it holds': [
    'a transaction that was left alone shows nothing and is in nobody’s way',
    (memory) => {
      const reserved = new Map<string, string>();
      return withTransaction((transaction, _memory, id) => ({
        write: async (path, body, options) => {
          if ((reserved.get(path) ?? id) !== id) throw new Error('reserved');
          reserved.set(path, id);
          return transaction.write(path, body, options);
        },
      }))(memory);
    },
  ],
  'knows no transaction of another begin': [
    'a transaction that was left alone can be taken up by its id and committed',
    (memory) => {
      let begun = 0;
      return {
        ...memory,
        begin: ({ transactionId }) => memory.begin({ transactionId: `${transactionId}-${(begun += 1)}` }),
      };
    },
  ],
  'does not abort what another began': [
    'a transaction that was left alone can be taken up by its id and aborted',
    (memory) => {
      const known = new Set<string>();
      return withTransaction((transaction, _memory, id) => {
        const isMine = !known.has(id);
        known.add(id);
        return { abort: async (options) => (isMine ? transaction.abort(options) : Promise.resolve()) };
      })(memory);
    },
  ],
  'commits as far as it can': [
    'a commit that meets what exists is storage.exists, and shows none of it',
    (memory) => ({
      ...memory,
      begin: () => {
        const held: Parameters<StorageTransaction['write']>[] = [];
        return {
          async write(path, body, options) {
            const chunks: Uint8Array[] = [];
            for await (const chunk of body) chunks.push(chunk);
            held.push([
              path,
              (async function* () {
                yield await Promise.resolve(Buffer.concat(chunks));
              })(),
              options,
            ]);
            return { path, type: 'file', sizeBytes: options.sizeBytes };
          },
          async commit() {
            for (const call of held) await memory.write(...call);
          },
          abort: () => Promise.resolve(),
        };
      },
    }),
  ],
  'replaces whatever exists': [
    'what exists is refused in a transaction, or at the latest by its commit',
    withTransaction((transaction) => ({
      write: (path, body, options) => transaction.write(path, body, { ...options, overwrite: true }),
    })),
  ],
  'replaces nothing': [
    'a commit replaces where it was told to',
    withTransaction((transaction) => ({
      write: (path, body, options) => transaction.write(path, body, { ...options, overwrite: false }),
    })),
  ],
  'takes any body into a transaction': [
    'a body that is not as announced is refused in a transaction, and the rest can be committed',
    withTransaction((transaction) => ({
      write: async (path, body, options) => {
        await transaction.write(path, body, options).catch(() => undefined);
        return { path, type: 'file', sizeBytes: options.sizeBytes };
      },
    })),
  ],
  'writes once in a transaction': [
    'repeating a write in a transaction is success, also after one that failed',
    withTransaction((transaction) => {
      const paths = new Set<string>();
      return {
        write: async (path, body, options) => {
          if (paths.has(path)) throw new Error('twice');
          paths.add(path);
          return transaction.write(path, body, options);
        },
      };
    }),
  ],
  'looks at no signal in a transaction': [
    'an aborted signal makes write, commit and abort reject with its reason, without effect',
    withTransaction((transaction) => ({
      commit: () => transaction.commit({ signal: new AbortController().signal }),
    })),
  ],
  'removes nothing': [
    'a file that was removed is gone, and removing it again is success',
    (memory) => ({ ...memory, remove: () => Promise.resolve() }),
  ],
  'removes only what is there': [
    'a file that was removed is gone, and removing it again is success',
    (memory) => ({
      ...memory,
      remove: async (path, options) => {
        if ((await memory.stat(path, options)) === null) throw new Error('nothing there');
        await memory.remove(path, options);
      },
    }),
  ],
  'removes by prefix': [
    'removing takes one file, never a folder',
    (memory) => ({
      ...memory,
      remove: async (path, options) => {
        const { signal } = options;
        for await (const entry of memory.list('', { signal })) {
          if (entry.type === 'file' && entry.path.startsWith(path)) await memory.remove(entry.path, options);
        }
      },
    }),
  ],
  'looks at no signal when it removes': [
    'an aborted signal makes remove reject with its reason, without effect',
    (memory) => ({
      ...memory,
      remove: (path) => memory.remove(path, { signal: new AbortController().signal }),
    }),
  ],
};

describe('storageConformance notices a storage that', () => {
  it.each(Object.entries(mutations))('%s', async (_, [name, mutate]) => {
    const make = () => Promise.resolve({ storage: mutate(plain()) });
    const cases = storageConformance(make, { timeoutMs: 2000 });
    expect(await failingCases(cases.filter((each) => each.name === name))).toEqual([name]);
  });

  it('has none of these faults, and passes', async () => {
    expect(await failingCases(storageConformance(() => Promise.resolve({ storage: plain() })))).toEqual([]);
  });
});
