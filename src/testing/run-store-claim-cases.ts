/** Cases of `runStoreConformance`: what may be claimed, by whom, and how often. */
import { randomUUID } from 'node:crypto';
import { check, checkEqual } from './conformance-case.js';
import { ENDED_AT, failedWith, KEEP, runStoreCase } from './run-store-trial.js';

/** The cases. */
export const RUN_STORE_CLAIM_CASES = [
  runStoreCase(
    'what was claimed is read back as it was, open and without steps',
    async ({ store, other, claimed }) => {
      const run = await claimed({ key: randomUUID(), metadata: { a: 'ä\n"' } });
      checkEqual(await other.get(run.runId), { ...run, steps: [], end: null }, 'the run');
      checkEqual(await store.get(randomUUID()), null, 'a run that is not known');
    },
  ),
  runStoreCase('an open run keeps its id from being claimed', async ({ other, newRun, claimed }) => {
    const run = await claimed();
    const standing = await other.putIfAbsent({ ...newRun(), runId: run.runId });
    checkEqual(standing?.requestHash, run.requestHash, 'the run that stands in the way');
  }),
  runStoreCase('the id of a run that has ended can be claimed again', async ({ store, claimed }) => {
    const run = await claimed();
    await store.end(run.runId, failedWith('x'), KEEP);
    checkEqual(await store.putIfAbsent({ ...run, requestHash: 'second' }), null, 'the second claim');
    const found = await store.get(run.runId);
    checkEqual([found?.requestHash, found?.end], ['second', null], 'the run that is found');
  }),
  runStoreCase(
    'a key is granted once, and stays with its run when that has ended',
    async ({ store, other, newRun, claimed }) => {
      const run = await claimed({ key: randomUUID() });
      const again = newRun({ key: run.key });
      checkEqual((await other.putIfAbsent(again))?.runId, run.runId, 'the holder of the key');
      checkEqual(await other.get(again.runId), null, 'the run that was not granted');
      await store.end(run.runId, failedWith('x'), KEEP);
      const ended = await other.putIfAbsent(newRun({ key: run.key }));
      checkEqual([ended?.runId, ended?.end], [run.runId, failedWith('x')], 'the holder after its end');
    },
  ),
  runStoreCase('a key that is not kept can be claimed again', async ({ store, other, newRun, claimed }) => {
    const run = await claimed({ key: randomUUID() });
    await store.end(run.runId, failedWith('x'), { ...KEEP, keepsKey: false });
    checkEqual(await other.putIfAbsent(newRun({ key: run.key })), null, 'the second claim');
    checkEqual((await store.get(run.runId))?.end, failedWith('x'), 'the end of the first run');
  }),
  runStoreCase('a key belongs to an instance', async ({ other, newRun, claimed }) => {
    const run = await claimed({ key: randomUUID() });
    const elsewhere = newRun({ key: run.key, instance: randomUUID() });
    checkEqual(await other.putIfAbsent(elsewhere), null, 'the claim of another instance');
  }),
  runStoreCase(
    'a key stands for its own run only, not for a later one of the same id',
    async ({ store, newRun, claimed }) => {
      const first = await claimed({ key: randomUUID() });
      await store.end(first.runId, failedWith('first'), KEEP);
      const second = await claimed({ runId: first.runId, key: randomUUID() });
      const standing = await store.putIfAbsent(newRun({ key: first.key }));
      checkEqual(standing?.requestHash, first.requestHash, 'the holder of the first key');
      await store.end(second.runId, failedWith('second'), KEEP);
      const later = await store.putIfAbsent(newRun({ key: second.key }));
      checkEqual(later?.requestHash, second.requestHash, 'the holder of the second key');
    },
  ),
  runStoreCase(
    'of many claims of one key at the same time exactly one is granted',
    async ({ store, other, newRun }) => {
      const key = randomUUID();
      const runs = Array.from({ length: 16 }, () => newRun({ key }));
      const answers = await Promise.all(
        runs.map(async (run, index) => (index % 2 === 0 ? store : other).putIfAbsent(run)),
      );
      const winners = runs.filter((_, index) => answers[index] === null);
      checkEqual(winners.length, 1, 'the number of grants');
      const holders = answers.flatMap((answer) => (answer === null ? [] : [answer.runId]));
      check(
        holders.every((runId) => runId === winners[0]?.runId),
        'every other claim is told of the one that was granted',
      );
    },
  ),
  runStoreCase(
    'what ended long ago is forgotten with its key, what is open is not',
    async ({ store, other, newRun, claimed }) => {
      const over = await claimed({ key: randomUUID() });
      const open = await claimed();
      await store.end(over.runId, failedWith('x'), KEEP);
      await store.forget(ENDED_AT);
      checkEqual((await other.get(over.runId))?.end, failedWith('x'), 'a run that did not end before');
      await store.forget(new Date(Date.parse(ENDED_AT) + 1).toISOString());
      checkEqual(await other.get(over.runId), null, 'a run that ended before');
      checkEqual((await other.get(open.runId))?.end, null, 'an open run');
      checkEqual(await other.putIfAbsent(newRun({ key: over.key })), null, 'a claim of the key');
    },
  ),
];
