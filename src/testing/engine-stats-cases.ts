/** Cases about what a container uses, for engines that tell. */
import { check, checkEqual, type CaseOf } from './conformance-case.js';
import { PROGRAMS } from './conformance-programs.js';
import { engineCase, NO_SUCH_ID, type EngineTrial } from './engine-trial.js';
import type { ContainerStats } from '../engine/types.js';

const { silent, works } = PROGRAMS;

const statsOf = async (trial: EngineTrial, id: string): Promise<ContainerStats | null> => {
  const { containers } = trial.engine;
  const asked = containers.stats?.(id) ?? Promise.resolve(null);
  return trial.within('stats', asked);
};

/** The cases. */
export const STATS_CASES: readonly CaseOf<EngineTrial>[] = [
  engineCase('stats are there if the capabilities say so, and only then', ({ engine }) => {
    checkEqual(engine.containers.stats !== undefined, engine.capabilities.stats, 'whether there are stats');
    return Promise.resolve();
  }),
  engineCase(
    'stats of a running container tell what it uses, and never take anything back',
    async (trial) => {
      if (!trial.engine.capabilities.stats) return;
      const { id, output } = await trial.begin(works.script);
      await trial.within('the first output', output.until('ready'));
      const first = await statsOf(trial, id);
      const second = await statsOf(trial, id);
      check(first !== null && second !== null, 'stats: null for a container that runs');
      for (const { memoryBytes, peakMemoryBytes, cpuTimeMs } of [first, second]) {
        const told = [memoryBytes, peakMemoryBytes, cpuTimeMs].filter((value) => value !== null);
        check(told.every(Number.isSafeInteger), `stats: ${told.join(', ')} are not all whole numbers`);
        // The program holds a text of 6.9 MB, which took it more than a moment to make.
        const holds = Math.max(memoryBytes ?? 0, peakMemoryBytes ?? 0);
        check(
          memoryBytes === null || holds >= 4_000_000,
          `stats: ${holds} bytes are less than the job holds`,
        );
        check(holds <= 134_217_728, `stats: ${holds} bytes are more than its limit`);
        check(cpuTimeMs !== 0, 'stats: the job took no processor time');
        check(
          memoryBytes === null || peakMemoryBytes === null || peakMemoryBytes >= memoryBytes,
          `stats: a peak of ${String(peakMemoryBytes)} is below the ${String(memoryBytes)} bytes in use`,
        );
      }
      check((second.cpuTimeMs ?? 0) >= (first.cpuTimeMs ?? 0), 'stats: processor time went back');
      check((second.peakMemoryBytes ?? 0) >= (first.peakMemoryBytes ?? 0), 'stats: the peak went back');
    },
  ),
  engineCase('stats are null for what does not run: created, ended, or not there', async (trial) => {
    const created = await trial.create(silent.script);
    const { id: ended } = await trial.run(silent.script);
    for (const id of [created, ended, NO_SUCH_ID]) checkEqual(await statsOf(trial, id), null, 'stats');
  }),
];
