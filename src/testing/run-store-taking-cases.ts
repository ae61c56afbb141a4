/** Cases of `runStoreConformance`: a run that gets another owner. */
import { checkEqual } from './conformance-case.js';
import { ENDED_AT, failedWith, KEEP, runStoreCase } from './run-store-trial.js';

/** The cases. */
export const RUN_STORE_TAKING_CASES = [
  runStoreCase(
    'an open run gets another owner, from the one it has and from nobody else',
    async ({ store, other, instance, claimed }) => {
      const [run, over] = [await claimed(), await claimed()];
      await store.append(run.runId, { name: 'started', attempt: 1, at: ENDED_AT });
      await store.end(over.runId, failedWith('x'), KEEP);
      const take = async (runId: string, from: string, to: string): Promise<boolean> =>
        other.takeOver(runId, { from, to });
      checkEqual(await take(run.runId, 'stranger', 'next'), false, 'a change from somebody else');
      checkEqual(await take(over.runId, over.owner, 'next'), false, 'a change of what has ended');
      checkEqual(await take('nobody', over.owner, 'next'), false, 'a change of what is not known');
      checkEqual(await take(run.runId, run.owner, 'next'), true, 'a change from its owner');
      checkEqual(await take(run.runId, run.owner, 'late'), false, 'a change from its owner of before');
      const { owner, steps } = (await store.get(run.runId)) ?? {};
      checkEqual([owner, steps?.length], ['next', 1], 'the run');
      const ids = async (whose: string): Promise<readonly string[]> =>
        (await store.listOpen({ instance, owner: whose })).map(({ runId }) => runId);
      checkEqual([await ids('next'), await ids(run.owner)], [[run.runId], []], 'the open runs of each');
      checkEqual(await take(run.runId, 'next', 'last'), true, 'a change from its next owner');
      checkEqual(await other.end(run.runId, failedWith('y'), KEEP), true, 'its end');
    },
  ),
  runStoreCase(
    'of several that take a run over at the same time one does',
    async ({ store, other, claimed }) => {
      const run = await claimed();
      // Also where both are the same process.
      const answers = await Promise.all(
        ['next', 'next', 'another'].map(async (to, index) =>
          (index === 0 ? store : other).takeOver(run.runId, { from: run.owner, to }),
        ),
      );
      checkEqual(answers.filter(Boolean).length, 1, 'the number of those that do');
      const winner = ['next', 'next', 'another'][answers.indexOf(true)];
      checkEqual((await store.get(run.runId))?.owner, winner, 'the owner');
    },
  ),
];
