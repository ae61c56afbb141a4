/** A storage that does what the aims of the runs say: it hangs, gives or takes too little or too much, fails after it was done, or does things twice. */
import { createHash } from 'node:crypto';
import type {
  StorageAdapter,
  StorageEntry,
  StorageTransaction,
  TransactionOptions,
  WriteOptions,
} from 'berthkit';
import { type FaultName, STORAGE_FAULTS, type StorageFault } from './faults.js';
import type { Recorder } from './history.js';
import type { Progress } from './progress.js';

/** Takes the fault that is due for a path; null if there is none. */
type FaultFor = (path: string) => StorageFault | null;

/** The same storage, at the mercy of the aims, which records what it is asked to take. Without `hasTransactions` it has none. */
export function faultyStorage(
  storage: StorageAdapter,
  progress: Progress,
  { hasTransactions, record }: { readonly hasTransactions: boolean; readonly record: Recorder },
): StorageAdapter {
  const recordWrite = (path: string, { metadata, idempotencyKey }: WriteOptions): void => {
    const { jobRunId: runId = '', attempt = '' } = metadata;
    record({ kind: 'written', runId, attempt, path, key: idempotencyKey });
  };
  const faultFor: FaultFor = (path) => {
    const run = progress.runs.find(({ runId }) => path.includes(`/${runId}/`) || path.includes(`/${runId}.`));
    if (run === undefined) return null;
    const aim = progress.takeAim(run.runId, ({ fault }) => isStorageFault(fault));
    return aim !== null && isStorageFault(aim.fault) ? aim.fault : null;
  };
  return {
    stat: async (path, options) => storage.stat(path, options),
    list: (prefix, options) => storage.list(prefix, options),
    read: async (path, options) => spoilBody(await storage.read(path, options), faultFor(path)),
    write: async (path, body, options) => {
      recordWrite(path, options);
      return spoilWrite(body, options, faultFor(path), async (given, told) =>
        storage.write(path, given, told),
      );
    },
    ...(storage.remove === undefined
      ? {}
      : { remove: async (path, options) => storage.remove?.(path, options) }),
    ...(hasTransactions
      ? { begin: (options) => faultyTransaction(begin(storage, options), faultFor, recordWrite) }
      : {}),
  };
}

function begin(storage: StorageAdapter, options: TransactionOptions): StorageTransaction {
  if (storage.begin === undefined) throw new Error('the storage has no transactions');
  return storage.begin(options);
}

function faultyTransaction(
  transaction: StorageTransaction,
  faultFor: FaultFor,
  recordWrite: (path: string, options: WriteOptions) => void,
): StorageTransaction {
  let lastPath = '';
  return {
    write: async (path, body, options) => {
      lastPath = path;
      recordWrite(path, options);
      return spoilWrite(body, options, faultFor(path), async (given, told) =>
        transaction.write(path, given, told),
      );
    },
    commit: async (options) => spoilAct(faultFor(lastPath), async () => transaction.commit(options)),
    abort: async (options) => transaction.abort(options),
  };
}

function isStorageFault(fault: FaultName): fault is StorageFault {
  return (STORAGE_FAULTS as readonly FaultName[]).includes(fault);
}

const never = async (): Promise<never> => new Promise<never>(() => undefined);

async function spoilAct(fault: StorageFault | null, act: () => Promise<void>): Promise<void> {
  if (fault === 'storage_hangs') return never();
  await act();
  if (fault === 'storage_twice') await act();
  if (fault === 'storage_throws_after') throw new Error('the connection was lost');
}

async function spoilWrite(
  body: AsyncIterable<Uint8Array>,
  options: WriteOptions,
  fault: StorageFault | null,
  write: (body: AsyncIterable<Uint8Array>, options: WriteOptions) => Promise<StorageEntry>,
): Promise<StorageEntry> {
  if (fault === null) return write(body, options);
  if (fault === 'storage_hangs') return never();
  const bytes = Buffer.concat(await collect(body));
  const kept = fault === 'storage_short' ? bytes.subarray(1) : bytes;
  const given = fault === 'storage_long' ? Buffer.concat([kept, Buffer.from('?')]) : kept;
  const digest = { sizeBytes: given.length, sha256: createHash('sha256').update(given).digest('hex') };
  const once = async (): Promise<StorageEntry> => write(whole(given), { ...options, ...digest });
  const entry = await once();
  if (fault === 'storage_throws_after') throw new Error('the connection was lost');
  return fault === 'storage_twice' ? once() : entry;
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<readonly Uint8Array[]> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return parts;
}

async function* whole(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield await Promise.resolve(bytes);
}

async function* spoilBody(
  body: AsyncIterable<Uint8Array>,
  fault: StorageFault | null,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (fault === 'storage_hangs') await never();
  const bytes = Buffer.concat(await collect(body));
  yield fault === 'storage_short' ? bytes.subarray(1) : bytes;
  if (fault === 'storage_long') yield Buffer.from('?');
}
