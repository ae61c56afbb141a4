/** Cases about publishing several objects together, and about removing: each only where an adapter has it. */
import { createHash, randomUUID } from 'node:crypto';
import type { WriteOptions } from '../storage/types.js';
import {
  check,
  checkEqual,
  checkRejects,
  checkRejectsWith,
  rejection,
  type CaseOf,
} from './conformance-case.js';
import { bodyOf, storageCase, type StorageTrial, unaborted } from './storage-trial.js';

type Put = (path: string, content: string, options?: Partial<WriteOptions>) => Promise<unknown>;

interface Begun {
  readonly id: string;
  readonly put: Put;
  readonly putBody: (path: string, body: AsyncIterable<Uint8Array>, content: string) => Promise<unknown>;
  readonly commit: (signal?: AbortSignal) => Promise<void>;
  readonly abort: (signal?: AbortSignal) => Promise<void>;
}

function begin(trial: StorageTrial, id: string = randomUUID()): Begun {
  const transaction = trial.storage.begin?.({ transactionId: id });
  check(transaction !== undefined, 'begin: no transaction');
  const putBody = (
    path: string,
    body: AsyncIterable<Uint8Array>,
    content: string,
    options: Partial<WriteOptions> = {},
  ): Promise<unknown> =>
    trial.within(
      'write in a transaction',
      transaction.write(path, body, {
        sizeBytes: Buffer.byteLength(content),
        sha256: createHash('sha256').update(content).digest('hex'),
        contentType: null,
        overwrite: false,
        metadata: {},
        idempotencyKey: randomUUID(),
        signal: unaborted(),
        ...options,
      }),
    );
  return {
    id,
    putBody,
    put: (path, content, options) => putBody(path, bodyOf(content), content, options),
    commit: (signal = unaborted()) => trial.within('commit', transaction.commit({ signal })),
    abort: (signal = unaborted()) => trial.within('abort', transaction.abort({ signal })),
  };
}

const transactionCase = (name: string, body: CaseOf<StorageTrial>['body']): CaseOf<StorageTrial> =>
  storageCase(name, async (trial) => {
    if (trial.storage.begin !== undefined) await body(trial);
  });

const removeCase = (name: string, body: (trial: StorageTrial, remove: Remove) => Promise<void>) =>
  storageCase(name, async (trial) => {
    const { storage, within } = trial;
    if (storage.remove === undefined) return;
    await body(trial, (path, signal = unaborted()) =>
      within('remove', storage.remove?.(path, { signal }) ?? Promise.resolve()),
    );
  });
type Remove = (path: string, signal?: AbortSignal) => Promise<void>;

/** What files there are in the case's folder, with their content. */
async function filesIn(trial: StorageTrial): Promise<Readonly<Record<string, string>>> {
  if ((await trial.stat(trial.at())) === null) return {};
  const found: Record<string, string> = {};
  for (const { path, type } of await trial.list(trial.at())) {
    if (type === 'file') found[path.slice(trial.at().length + 1)] = (await trial.read(path)).toString();
  }
  return found;
}

const checkFiles = async (
  trial: StorageTrial,
  expected: Readonly<Record<string, string>>,
  what: string,
): Promise<void> => {
  checkEqual(await filesIn(trial), expected, what);
};

/** The cases. */
export const TRANSACTION_CASES: readonly CaseOf<StorageTrial>[] = [
  transactionCase(
    'what a transaction holds is invisible before its commit, and all there after it',
    async (trial) => {
      const { at } = trial;
      const { put, commit } = begin(trial);
      await Promise.all([put(at('a'), 'one'), put(at('deep/b'), 'two'), put(at('deep/er/c'), '')]);
      await checkFiles(trial, {}, 'files before the commit');
      checkEqual(await trial.stat(at('a')), null, 'stat before the commit');
      checkEqual(await trial.stat(at('deep')), null, 'stat of a folder before the commit');
      await commit();
      await checkFiles(trial, { a: 'one', 'deep/b': 'two', 'deep/er/c': '' }, 'files after the commit');
    },
  ),
  transactionCase('an aborted transaction leaves nothing, and may be aborted again', async (trial) => {
    const { put, abort } = begin(trial);
    await put(trial.at('a'), 'one');
    await put(trial.at('deep/b'), 'two');
    await abort();
    await abort();
    await checkFiles(trial, {}, 'files after the abort');
    checkEqual(await trial.stat(trial.at('deep')), null, 'stat of a folder after the abort');
    await trial.write(trial.at('a'), 'somebody else');
    await checkFiles(trial, { a: 'somebody else' }, 'files after another write');
  }),
  transactionCase(
    'after a commit, committing again is success and aborting changes nothing',
    async (trial) => {
      const { id, put, commit, abort } = begin(trial);
      await put(trial.at('a'), 'one');
      await commit();
      await commit();
      await begin(trial, id).commit();
      await abort();
      await begin(trial, id).abort();
      await checkFiles(trial, { a: 'one' }, 'files');
    },
  ),
  transactionCase('a transaction that was left alone shows nothing and is in nobody’s way', async (trial) => {
    await begin(trial).put(trial.at('a'), 'left');
    const other = begin(trial);
    await other.put(trial.at('a'), 'done');
    await other.put(trial.at('b'), 'too');
    await other.commit();
    await checkFiles(trial, { a: 'done', b: 'too' }, 'files');
  }),
  transactionCase(
    'a transaction that was left alone can be taken up by its id and committed',
    async (trial) => {
      const { id, put } = begin(trial);
      await put(trial.at('a'), 'one');
      await put(trial.at('deep/b'), 'two');
      await begin(trial, id).commit();
      await checkFiles(trial, { a: 'one', 'deep/b': 'two' }, 'files');
    },
  ),
  transactionCase(
    'a transaction that was left alone can be taken up by its id and aborted',
    async (trial) => {
      const { id, put, commit } = begin(trial);
      await put(trial.at('a'), 'one');
      await begin(trial, id).abort();
      await commit();
      await checkFiles(trial, {}, 'files');
    },
  ),
  transactionCase(
    'a commit that meets what exists is storage.exists, and shows none of it',
    async (trial) => {
      const { put, commit, abort } = begin(trial);
      for (const name of ['a', 'deep/a', 'b', 'c']) await put(trial.at(name), 'ours');
      await trial.write(trial.at('b'), 'theirs');
      await checkRejects(commit(), ['storage.exists'], 'commit');
      await checkFiles(trial, { b: 'theirs' }, 'files after the commit');
      checkEqual(await trial.stat(trial.at('deep')), null, 'stat of a folder after the commit');
      await abort();
      await checkFiles(trial, { b: 'theirs' }, 'files after the abort');
    },
  ),
  transactionCase(
    'what exists is refused in a transaction, or at the latest by its commit',
    async (trial) => {
      await trial.write(trial.at('a'), 'theirs');
      const { put, commit, abort } = begin(trial);
      const work = async (): Promise<void> => {
        await put(trial.at('a'), 'ours');
        await commit();
      };
      await checkRejects(work(), ['storage.exists'], 'write and commit');
      await abort();
      await checkFiles(trial, { a: 'theirs' }, 'files');
    },
  ),
  transactionCase('a commit replaces where it was told to', async (trial) => {
    await trial.write(trial.at('a'), 'a long old content');
    const { put, commit } = begin(trial);
    await put(trial.at('a'), 'new', { overwrite: true });
    await put(trial.at('b'), 'beside', { overwrite: true });
    await checkFiles(trial, { a: 'a long old content' }, 'files before the commit');
    await commit();
    await checkFiles(trial, { a: 'new', b: 'beside' }, 'files after the commit');
  }),
  transactionCase(
    'a body that is not as announced is refused in a transaction, and the rest can be committed',
    async (trial) => {
      const { put, putBody, commit } = begin(trial);
      await put(trial.at('a'), 'good');
      const { at } = trial;
      await checkRejects(
        putBody(at('b'), bodyOf('short'), 'longer than that'),
        ['storage.failed'],
        'a short body',
      );
      await checkRejects(
        putBody(at('b'), bodyOf('far ', 'too long'), 'short'),
        ['storage.failed'],
        'a long body',
      );
      await rejection(putBody(at('b'), bodyOf('half', new Error('broke')), 'half and half'), 'a broken body');
      await commit();
      await checkFiles(trial, { a: 'good' }, 'files');
    },
  ),
  transactionCase(
    'repeating a write in a transaction is success, also after one that failed',
    async (trial) => {
      const { put, putBody, commit } = begin(trial);
      const options = { idempotencyKey: 'the same' };
      await rejection(putBody(trial.at('a'), bodyOf('on', new Error('broke')), 'once'), 'the first write');
      await put(trial.at('a'), 'once', options);
      await put(trial.at('a'), 'once', options);
      await commit();
      await checkFiles(trial, { a: 'once' }, 'files');
    },
  ),
  transactionCase(
    'an aborted signal makes write, commit and abort reject with its reason, without effect',
    async (trial) => {
      const reason = new Error('enough');
      const signal = AbortSignal.abort(reason);
      const { put, commit, abort } = begin(trial);
      await put(trial.at('a'), 'one');
      await checkRejectsWith(put(trial.at('b'), 'two', { signal }), reason, 'write with an aborted signal');
      await checkRejectsWith(commit(signal), reason, 'commit with an aborted signal');
      await checkFiles(trial, {}, 'files after the commit that was aborted');
      await checkRejectsWith(abort(signal), reason, 'abort with an aborted signal');
      await commit();
      await checkFiles(trial, { a: 'one' }, 'files');
    },
  ),
  removeCase('a file that was removed is gone, and removing it again is success', async (trial, remove) => {
    for (const name of ['a', 'b/c']) await trial.write(trial.at(name), name);
    await remove(trial.at('a'));
    await remove(trial.at('a'));
    await remove(trial.at('b/missing'));
    await remove(trial.at('missing/too'));
    await checkFiles(trial, { 'b/c': 'b/c' }, 'files');
    await trial.write(trial.at('a'), 'again');
    await checkFiles(trial, { a: 'again', 'b/c': 'b/c' }, 'files after another write');
  }),
  removeCase('removing takes one file, never a folder', async (trial, remove) => {
    for (const name of ['a', 'ab', 'b/c']) await trial.write(trial.at(name), name);
    await remove(trial.at('a'));
    await remove(trial.at('b')).catch(() => undefined);
    await checkFiles(trial, { ab: 'ab', 'b/c': 'b/c' }, 'files');
  }),
  removeCase(
    'an aborted signal makes remove reject with its reason, without effect',
    async (trial, remove) => {
      const reason = new Error('enough');
      await trial.write(trial.at('a'), 'x');
      await checkRejectsWith(remove(trial.at('a'), AbortSignal.abort(reason)), reason, 'remove');
      check((await trial.stat(trial.at('a'))) !== null, 'remove: the file is gone');
    },
  ),
];
