/** Cases about how much volumes hold, for engines that tell. */
import { randomUUID } from 'node:crypto';
import type { EngineVolumes } from '../engine/types.js';
import { check, checkEqual, checkRejectsWith, type CaseOf } from './conformance-case.js';
import { floodText, PROGRAMS } from './conformance-programs.js';
import { engineCase, type EngineTrial } from './engine-trial.js';

type Telling = EngineVolumes & Required<Pick<EngineVolumes, 'usedBytes'>>;

/** Engines may count folders besides. */
const MOST_BESIDES = 1_000_000;
/** An engine may be busy with a look for somebody else. */
const MOST_LOOKS = 20;

const isTelling = (volumes: EngineVolumes | undefined): volumes is Telling =>
  volumes?.usedBytes !== undefined;

async function usedBytesOf(
  trial: EngineTrial,
  volumes: Telling,
  name: string,
): Promise<number | null | undefined> {
  for (let looks = 1; ; looks += 1) {
    try {
      const found = await trial.within('volumes.usedBytes', volumes.usedBytes());
      return found.get(name);
    } catch (error) {
      if (looks === MOST_LOOKS) throw error;
      await trial.pause();
    }
  }
}

/** With a new volume, removed when the case is over. */
const useCase = (
  name: string,
  body: (trial: EngineTrial, volumes: Telling, volume: string) => Promise<void>,
): CaseOf<EngineTrial> =>
  engineCase(name, async (trial) => {
    const { within, engine, label } = trial;
    const { volumes, containers } = engine;
    if (!isTelling(volumes)) return;
    const volume = `berthkit-conformance-${randomUUID()}`;
    await within('volumes.create', volumes.create({ name: volume, labels: { [label]: 'yes' } }));
    try {
      await body(trial, volumes, volume);
    } finally {
      const tidy = async (): Promise<void> => {
        for (const { id } of await containers.list({ [label]: 'yes' })) await containers.remove(id);
        await volumes.remove(volume);
      };
      await within('removing the volume', tidy()).catch(() => undefined);
    }
  });

/** The cases. */
export const VOLUME_USE_CASES: readonly CaseOf<EngineTrial>[] = [
  engineCase('what volumes hold is told if the capabilities say so, and only then', ({ engine }) => {
    const { capabilities, volumes } = engine;
    checkEqual(isTelling(volumes), capabilities.volumeBytes === true, 'whether usedBytes is there');
    return Promise.resolve();
  }),
  useCase('what a volume holds is what a job wrote to it, while it runs', async (trial, volumes, volume) => {
    const before = await usedBytesOf(trial, volumes, volume);
    check(typeof before === 'number' && before <= MOST_BESIDES, `an empty volume holds ${String(before)}`);
    const begun = await trial.begin(PROGRAMS.fillsVolume.script, {
      user: '0:0',
      mounts: [{ type: 'volume', source: volume, subpath: null, target: '/in', readOnly: false }],
    });
    await trial.within('the first output', begun.output.until('ready'));
    const bytes = await usedBytesOf(trial, volumes, volume);
    const least = floodText().length;
    check(
      typeof bytes === 'number' && bytes >= least && bytes <= least + MOST_BESIDES,
      `usedBytes: ${String(bytes)} is not about ${String(least)}`,
    );
    await trial.within('kill', trial.engine.containers.kill(begun.id, 'SIGKILL'));
    await trial.end(begun);
  }),
  useCase('a volume that is gone holds nothing', async (trial, volumes, volume) => {
    await trial.within('volumes.remove', volumes.remove(volume));
    checkEqual(await usedBytesOf(trial, volumes, volume), undefined, 'usedBytes of what is gone');
  }),
  useCase('asking what volumes hold can be given up', async (trial, volumes) => {
    const reason = new Error('enough');
    const asking = volumes.usedBytes({ signal: AbortSignal.abort(reason) });
    await checkRejectsWith(trial.within('volumes.usedBytes', asking), reason, 'usedBytes');
  }),
];
