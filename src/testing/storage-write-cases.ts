/** Cases about writing: what is stored, what is refused, and that a write that fails leaves nothing. */
import {
  check,
  checkEqual,
  checkRejects,
  checkRejectsWith,
  rejection,
  type CaseOf,
} from './conformance-case.js';
import { bodyOf, storageCase, type StorageTrial } from './storage-trial.js';

const content = async ({ read }: StorageTrial, path: string): Promise<string> =>
  (await read(path)).toString();

/** The cases. */
export const WRITE_CASES: readonly CaseOf<StorageTrial>[] = [
  storageCase('a body that is too short is refused, and leaves nothing', async (trial) => {
    const path = trial.at('file');
    const writing = trial.writeBody(path, bodyOf('short'), 'longer than that');
    await checkRejects(writing, ['storage.failed'], 'write of a body that is too short');
    await trial.checkNothing(path);
  }),
  storageCase('a body that is too long is refused, and leaves nothing', async (trial) => {
    const path = trial.at('file');
    const writing = trial.writeBody(path, bodyOf('far ', 'too ', 'long'), 'short');
    await checkRejects(writing, ['storage.failed'], 'write of a body that is too long');
    await trial.checkNothing(path);
  }),
  storageCase('a body that is not empty is refused where an empty one was announced', async (trial) => {
    const path = trial.at('file');
    await checkRejects(trial.writeBody(path, bodyOf('x'), ''), ['storage.failed'], 'write');
    await trial.checkNothing(path);
  }),
  storageCase('a body with another hash is refused, or stored as it is', async (trial) => {
    const path = trial.at('file');
    const [outcome] = await Promise.allSettled([trial.write(path, 'these', { sha256: '0'.repeat(64) })]);
    if (outcome.status === 'fulfilled') {
      checkEqual(await content(trial, path), 'these', 'the content');
    } else {
      const refused = Promise.reject(outcome.reason as Error);
      await checkRejects(refused, ['storage.failed'], 'write of a body with another hash');
      await trial.checkNothing(path);
    }
  }),
  storageCase('a body that throws leaves nothing', async (trial) => {
    const path = trial.at('folder/file');
    const writing = trial.writeBody(path, bodyOf('half', new Error('the source broke')), 'half and half');
    await rejection(writing, 'write of a body that throws');
    await trial.checkNothing(path);
  }),
  storageCase('a write that fails, or is not complete, shows no folder either', async (trial) => {
    const folder = trial.at('folder');
    let looked = false;
    async function* breaking(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('half'));
      checkEqual(await trial.stat(folder), null, 'stat of the folder before the write is complete');
      looked = true;
      throw new Error('the source broke');
    }
    await rejection(trial.writeBody(`${folder}/deep/file`, breaking(), 'half and half'), 'write');
    check(looked, 'write: the body was not read');
    checkEqual(await trial.stat(folder), null, 'stat of the folder after the write that failed');
  }),
  storageCase('an aborted write rejects with the reason and leaves nothing', async (trial) => {
    const path = trial.at('file');
    const reason = new Error('enough');
    const early = trial.write(path, 'x', { signal: AbortSignal.abort(reason) });
    await checkRejectsWith(early, reason, 'write with an aborted signal');
    const controller = new AbortController();
    async function* aborting(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('half'));
      controller.abort(reason);
      yield Buffer.from('half');
    }
    const late = trial.writeBody(path, aborting(), 'halfhalf', { signal: controller.signal });
    await checkRejectsWith(late, reason, 'write, aborted in its middle');
    await trial.checkNothing(path);
  }),
  storageCase('a body that hangs can be aborted', async (trial) => {
    const path = trial.at('file');
    const reason = new Error('enough');
    const controller = new AbortController();
    async function* hanging(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('half'));
      setTimeout(() => {
        controller.abort(reason);
      }, 20);
      await new Promise<never>(() => undefined);
    }
    const writing = trial.writeBody(path, hanging(), 'half and half', { signal: controller.signal });
    await checkRejectsWith(writing, reason, 'write of a body that hangs');
    await trial.checkNothing(path);
  }),
  storageCase('a file is visible only when it is complete', async (trial) => {
    const path = trial.at('file');
    let looked = false;
    async function* looking(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('all but '));
      await trial.checkNothing(path);
      looked = true;
      yield Buffer.from('the end');
    }
    await trial.writeBody(path, looking(), 'all but the end');
    check(looked, 'write: the body was not read to its end');
    checkEqual(await content(trial, path), 'all but the end', 'the content');
  }),
  storageCase('without overwrite what exists is storage.exists, and stays', async (trial) => {
    const path = trial.at('file');
    await trial.write(path, 'old');
    await checkRejects(trial.write(path, 'newer'), ['storage.exists'], 'write of what exists');
    checkEqual(await content(trial, path), 'old', 'the content');
  }),
  storageCase('with overwrite what exists is replaced, as a whole', async (trial) => {
    const path = trial.at('file');
    await trial.write(path, 'a long old content');
    await trial.write(path, 'new', { overwrite: true });
    checkEqual(await content(trial, path), 'new', 'the content');
    checkEqual((await trial.stat(path))?.sizeBytes, 3, 'the size');
    checkEqual((await trial.list(trial.at())).length, 1, 'entries listed');
  }),
  storageCase('an overwrite that fails leaves what was there', async (trial) => {
    const path = trial.at('file');
    await trial.write(path, 'old');
    const overwrites = [
      () => trial.writeBody(path, bodyOf('half', new Error('broke')), 'half and half', { overwrite: true }),
      () => trial.writeBody(path, bodyOf('short'), 'longer than that', { overwrite: true }),
      () => trial.writeBody(path, bodyOf('longer than that'), 'short', { overwrite: true }),
    ];
    for (const overwrite of overwrites) await rejection(overwrite(), 'the overwrite');
    checkEqual(await content(trial, path), 'old', 'the content');
    checkEqual((await trial.list(trial.at())).length, 1, 'entries listed');
  }),
  storageCase('repeating a write that was done is success', async (trial) => {
    const path = trial.at('file');
    const first = await trial.write(path, 'once', { idempotencyKey: 'the same' });
    const again = await trial.write(path, 'once', { idempotencyKey: 'the same' });
    checkEqual([again.path, again.type, again.sizeBytes], [first.path, 'file', 4], 'the entry');
    checkEqual(await content(trial, path), 'once', 'the content');
  }),
  storageCase('repeating a write that failed does it', async (trial) => {
    const path = trial.at('file');
    const broken = bodyOf('on', new Error('broke'));
    await rejection(trial.writeBody(path, broken, 'once', { idempotencyKey: 'the same' }), 'the first write');
    await trial.write(path, 'once', { idempotencyKey: 'the same' });
    checkEqual(await content(trial, path), 'once', 'the content');
  }),
  storageCase('different paths may be written at the same time', async (trial) => {
    const names = Array.from({ length: 24 }, (_, index) => `folder-${index % 4}/file-${index}`);
    await Promise.all(names.map((name) => trial.write(trial.at(name), name)));
    for (const name of names)
      checkEqual(await content(trial, trial.at(name)), name, `the content of ${name}`);
    const files = (await trial.list(trial.at())).filter(({ type }) => type === 'file');
    checkEqual(files.length, names.length, 'files listed');
  }),
  storageCase('of writers of one path without overwrite, one wins and the others learn it', async (trial) => {
    const path = trial.at('file');
    const texts = Array.from({ length: 8 }, (_, index) => `writer ${index}`);
    const outcomes = await Promise.allSettled(texts.map((text) => trial.write(path, text)));
    const winners = texts.filter((_, index) => outcomes[index]?.status === 'fulfilled');
    checkEqual(winners.length, 1, 'writers that won');
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') {
        await checkRejects(Promise.reject(outcome.reason as Error), ['storage.exists'], 'a writer that lost');
      }
    }
    checkEqual(await content(trial, path), winners[0], 'the content');
  }),
  storageCase('nothing can be written at the root', async (trial) => {
    await rejection(trial.write('', 'x', { overwrite: true }), 'write at the root');
    checkEqual((await trial.stat(''))?.type, 'directory', 'the root');
  }),
];
