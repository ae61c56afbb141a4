/** Cases of `runStoreConformance`: steps, ends, what is open, and leases. */
import { randomUUID } from 'node:crypto';
import { RUN_STEPS, type OwnerLease, type Publication, type RunStep } from '../run-store/types.js';
import { checkEqual } from './conformance-case.js';
import { ENDED_AT, failedWith, KEEP, runStoreCase } from './run-store-trial.js';

const PUBLICATION: Publication = {
  mountId: 'out',
  transactionId: null,
  objects: [
    {
      path: 'a/ä.txt',
      temporaryPath: 'a/.temporary',
      sizeBytes: 1,
      sha256: 'f'.repeat(64),
      contentType: null,
      overwrite: false,
      idempotencyKey: 'k',
    },
  ],
  metadata: { 'a"b': 'ä\n' },
};

function toStep(name: (typeof RUN_STEPS)[number], index: number): RunStep {
  const common = { attempt: 1, at: new Date(index).toISOString() };
  switch (name) {
    case 'storing':
    case 'publishing':
    case 'published':
    case 'withdrawn':
      return { ...common, name, publication: PUBLICATION };
    case 'settled':
      return { ...common, name, outcome: failedWith('x') };
    default:
      return { ...common, name };
  }
}

const leaseOf = (owner: string, instance: string, renewals: number): OwnerLease => ({
  instance,
  owner,
  machine: 'm',
  renewals,
  renewedAt: new Date(Date.parse(ENDED_AT) + renewals).toISOString(),
});

/** The cases. */
export const RUN_STORE_LIFE_CASES = [
  runStoreCase('steps are kept whole, in their order', async ({ store, other, claimed }) => {
    const run = await claimed();
    const steps = RUN_STEPS.map(toStep);
    for (const step of steps) await store.append(run.runId, step);
    checkEqual((await other.get(run.runId))?.steps, steps, 'the steps');
  }),
  runStoreCase(
    'only the first end counts, and nothing is added after it',
    async ({ store, other, claimed }) => {
      const run = await claimed();
      checkEqual(await store.end(run.runId, failedWith('first'), KEEP), true, 'the first end');
      checkEqual(await other.end(run.runId, failedWith('second'), KEEP), false, 'the second end');
      await other.append(run.runId, { name: 'started', attempt: 1, at: run.startedAt });
      const { end, steps } = (await store.get(run.runId)) ?? {};
      checkEqual([end, steps], [failedWith('first'), []], 'the run');
    },
  ),
  runStoreCase('of two ends at the same time one counts', async ({ store, other, claimed }) => {
    const run = await claimed();
    const ends = [failedWith('a'), failedWith('b')];
    const answers = await Promise.all(
      ends.map(async (end, index) => (index === 0 ? store : other).end(run.runId, end, KEEP)),
    );
    checkEqual(answers.filter(Boolean).length, 1, 'the number of ends that count');
    checkEqual((await store.get(run.runId))?.end, ends[answers.indexOf(true)], 'the end');
  }),
  runStoreCase('what is not known can neither be added to nor ended', async ({ store }) => {
    const runId = randomUUID();
    await store.append(runId, { name: 'started', attempt: 1, at: ENDED_AT });
    checkEqual(await store.end(runId, failedWith('x'), KEEP), false, 'the end');
    checkEqual(await store.get(runId), null, 'the run');
  }),
  runStoreCase(
    'open runs are listed by instance and owner, those that have ended are not',
    async ({ store, other, instance, claimed }) => {
      const [mine, theirs, over] = [await claimed(), await claimed({ owner: 'theirs' }), await claimed()];
      await claimed({ instance: randomUUID() });
      await store.end(over.runId, failedWith('x'), KEEP);
      const ids = async (owner?: string): Promise<readonly string[]> =>
        (await other.listOpen({ instance, owner })).map(({ runId }) => runId).sort();
      checkEqual(await ids(), [mine.runId, theirs.runId].sort(), 'all open runs');
      checkEqual(await ids('theirs'), [theirs.runId], 'the open runs of one owner');
    },
  ),
  runStoreCase(
    'a lease takes the place of its owner’s earlier one, and of no other',
    async ({ store, other, instance }) => {
      const leases = [leaseOf('mine', instance, 2), leaseOf('theirs', instance, 1)];
      await store.renewLease(leaseOf('mine', instance, 1));
      for (const lease of leases) await store.renewLease(lease);
      await store.renewLease(leaseOf('mine', randomUUID(), 9));
      const found = [...(await other.listLeases(instance))].sort((a, b) => b.renewals - a.renewals);
      checkEqual(found, leases, 'the leases of the instance');
    },
  ),
  runStoreCase(
    'old leases are forgotten, but not that of an owner with an open run',
    async ({ store, other, instance, claimed }) => {
      await claimed({ owner: 'at work' });
      for (const owner of ['at work', 'gone']) await store.renewLease(leaseOf(owner, instance, 1));
      await store.renewLease(leaseOf('new', instance, 1_000));
      await store.forget(new Date(Date.parse(ENDED_AT) + 500).toISOString());
      const owners = (await other.listLeases(instance)).map(({ owner }) => owner).sort();
      checkEqual(owners, ['at work', 'new'], 'the owners that are left');
    },
  ),
];
