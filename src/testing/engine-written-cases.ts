/** Cases about what a container has written to its root file system, for engines that tell. */
import { check, checkEqual, type CaseOf } from './conformance-case.js';
import { floodText, PROGRAMS } from './conformance-programs.js';
import { engineCase, NO_SUCH_ID, type EngineTrial } from './engine-trial.js';

const { fills, silent } = PROGRAMS;

/** Engines may count folders and what they themselves put there besides. */
const MOST_BESIDES = 1_000_000;

const writtenBytesOf = async (trial: EngineTrial, id: string): Promise<number | null> =>
  trial.within('writtenBytes', trial.engine.containers.writtenBytes?.(id) ?? Promise.resolve(null));

function checkBetween(least: number, bytes: number | null): void {
  check(
    bytes !== null && bytes >= least && bytes <= least + MOST_BESIDES,
    `writtenBytes: ${String(bytes)} is not about ${String(least)}`,
  );
}

/** The cases. */
export const WRITTEN_CASES: readonly CaseOf<EngineTrial>[] = [
  engineCase('written bytes are there if the capabilities say so, and only then', ({ engine }) => {
    const { capabilities, containers } = engine;
    checkEqual(containers.writtenBytes !== undefined, capabilities.writtenBytes, 'whether they are there');
    return Promise.resolve();
  }),
  engineCase('written bytes are what a container wrote, while it runs and after its end', async (trial) => {
    if (!trial.engine.capabilities.writtenBytes) return;
    const begun = await trial.begin(fills.script, { user: '0:0', readOnlyRootFilesystem: false });
    await trial.within('the first output', begun.output.until('ready'));
    checkBetween(floodText().length, await writtenBytesOf(trial, begun.id));
    await trial.within('kill', trial.engine.containers.kill(begun.id, 'SIGKILL'));
    await trial.end(begun);
    checkBetween(floodText().length, await writtenBytesOf(trial, begun.id));
  }),
  engineCase(
    'written bytes are next to nothing where nothing was written, and null of no container',
    async (trial) => {
      if (!trial.engine.capabilities.writtenBytes) return;
      const { id } = await trial.run(silent.script);
      checkBetween(0, await writtenBytesOf(trial, id));
      checkEqual(await writtenBytesOf(trial, NO_SUCH_ID), null, 'writtenBytes of no container');
    },
  ),
];
