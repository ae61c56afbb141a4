/** Storages that go wrong as they are told to, and three outputs for them. It asserts nothing. */
import { writeFileSync } from 'node:fs';
import { type MemoryStorage, memoryStorage } from '../../src/storage/memory.js';
import type { StorageAdapter, StorageTransaction } from '../../src/storage/types.js';
import type { CollectOptions } from '../../src/workspace/collect.js';
import { type Collected, at, collect, to } from './collect-fixture.js';
import { makeWorkspace } from './plan-fixture.js';

type Write = StorageAdapter['write'];

/** A storage whose writes, of objects or of what stands for them, go through `write`. */
export interface Faulty {
  readonly memory: MemoryStorage;
  readonly adapter: StorageAdapter;
}

/** What the fault of a storage is told and may change. */
export interface Faults {
  readonly write?: (path: string, write: () => ReturnType<Write>, signal: AbortSignal) => ReturnType<Write>;
  readonly commit?: (commit: () => Promise<void>, transaction: StorageTransaction) => Promise<void>;
}

/** The outputs. */
export const NAMES = ['a', 'b', 'c'] as const;

/** A storage with transactions. */
export function transactional(faults: Faults = {}, initial: Readonly<Record<string, string>> = {}): Faulty {
  const memory = memoryStorage(initial);
  const { stat, list, read, write, remove = () => Promise.resolve() } = memory;
  const adapter: StorageAdapter = {
    ...{ stat, list, read, write, remove },
    begin: (options) => {
      const transaction = memory.begin?.(options);
      if (transaction === undefined) throw new Error('no transaction');
      return {
        write: async (path, body, told) => {
          const store = async () => transaction.write(path, body, told);
          return faults.write === undefined ? store() : faults.write(path, store, told.signal);
        },
        commit: async (told) => {
          const commit = async () => transaction.commit(told);
          await (faults.commit === undefined ? commit() : faults.commit(commit, transaction));
        },
        abort: async (told) => transaction.abort(told),
      };
    },
  };
  return { memory, adapter };
}

/** A storage without them, that can remove. */
export function removing(faults: Faults = {}, initial: Readonly<Record<string, string>> = {}): Faulty {
  const memory = memoryStorage(initial);
  const { stat, list, read, remove = () => Promise.resolve() } = memory;
  const write: Write = async (path, body, told) => {
    const store = async () => memory.write(path, body, told);
    return faults.write === undefined ? store() : faults.write(path, store, told.signal);
  };
  return { memory, adapter: { stat, list, read, remove, write } };
}

/** Three outputs, a, b and c, collected into the storage as the mount 5. */
export async function collectThree(
  adapter: StorageAdapter,
  options: Partial<CollectOptions> = {},
  more: { readonly overwrite?: boolean } = {},
): Promise<Collected> {
  const workspace = await makeWorkspace();
  for (const name of NAMES) writeFileSync(at(workspace, name), `content of ${name}`);
  const outputs = NAMES.map((name) => ({ workspacePath: name, upload: to(`out/${name}`, more) }));
  return collect(workspace, outputs, { storage: { 5: adapter }, ...options });
}

/** What the storage holds, as text. */
export const textsOf = ({ memory }: Faulty): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(memory.files()).map(([path, bytes]) => [path, Buffer.from(bytes).toString()]),
  );

/** What it holds when everything was stored. */
export const ALL = { 'out/a': 'content of a', 'out/b': 'content of b', 'out/c': 'content of c' };
