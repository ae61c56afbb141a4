/** Cases of `runStoreConformance`: the word that is left for whoever runs a run. */
import { randomUUID } from 'node:crypto';
import type { CancelRequest, NewRun } from '../run-store/types.js';
import { checkEqual } from './conformance-case.js';
import { ENDED_AT, failedWith, KEEP, runStoreCase } from './run-store-trial.js';

const requestFor = ({ instance, runId, startedAt }: NewRun, reason = 'enough'): CancelRequest => ({
  instance,
  runId,
  startedAt,
  by: 'ä "b"\n',
  reason,
  at: ENDED_AT,
});

/** The cases. */
export const RUN_STORE_CANCEL_CASES = [
  runStoreCase(
    'a request is there for others, whole, until its run ends',
    async ({ store, other, instance, claimed }) => {
      const run = await claimed();
      const request = requestFor(run);
      checkEqual(await other.requestCancel(request), true, 'the answer to who asks');
      checkEqual(await store.listCancelRequests(instance), [request], 'what is found');
      await store.end(run.runId, failedWith('x'), KEEP);
      checkEqual(await other.listCancelRequests(instance), [], 'what is found when it has ended');
    },
  ),
  runStoreCase('a later request takes the place of an earlier one', async ({ store, instance, claimed }) => {
    const run = await claimed();
    await store.requestCancel(requestFor(run, 'first'));
    await store.requestCancel(requestFor(run, 'second'));
    checkEqual(await store.listCancelRequests(instance), [requestFor(run, 'second')], 'what is found');
  }),
  runStoreCase(
    'nothing can be asked of a run that is not open, nor of another one of its id',
    async ({ store, instance, newRun, claimed }) => {
      const [run, over] = [await claimed(), await claimed()];
      await store.end(over.runId, failedWith('x'), KEEP);
      const strangers = [newRun(), over, { ...run, startedAt: ENDED_AT }, { ...run, instance: randomUUID() }];
      for (const each of strangers)
        checkEqual(await store.requestCancel(requestFor(each)), false, 'the answer to who asks');
      checkEqual(await store.listCancelRequests(instance), [], 'what is found');
    },
  ),
  runStoreCase('requests are found by instance', async ({ store, instance, claimed }) => {
    const [mine, theirs] = [await claimed(), await claimed({ instance: randomUUID() })];
    for (const run of [mine, theirs]) await store.requestCancel(requestFor(run));
    checkEqual(await store.listCancelRequests(instance), [requestFor(mine)], 'what is found');
  }),
];
