/** Cases about what an engine remembers of a container. Engines without `events` pass by saying so. */
import { check, checkEqual, checkRejectsWith, type CaseOf } from './conformance-case.js';
import { PROGRAMS } from './conformance-programs.js';
import { engineCase, NO_SUCH_ID, type EngineTrial } from './engine-trial.js';
import type { EngineEvent } from '../engine/types.js';

const { silent, sleeps } = PROGRAMS;

const remembered = async (
  trial: EngineTrial,
  containerId: string,
): Promise<readonly EngineEvent[] | null> => {
  const { engine } = trial;
  checkEqual(engine.events !== undefined, engine.capabilities.events, 'events is there as capabilities say');
  if (engine.events === undefined) return null;
  const all: EngineEvent[] = [];
  const read = async (events: AsyncIterable<EngineEvent>): Promise<void> => {
    for await (const event of events) all.push(event);
  };
  await trial.within('the end of the events', read(engine.events({ containerId })));
  return all;
};

/** The cases. */
export const EVENT_CASES: readonly CaseOf<EngineTrial>[] = [
  engineCase('what it remembers of a container is its own, in order, and ends', async (trial) => {
    const other = await trial.run(silent.script);
    const { id } = await trial.run(silent.script);
    const events = await remembered(trial, id);
    if (events === null) return;
    const types = events.map(({ type, signal }) => [type, signal]);
    checkEqual(
      types,
      [
        ['start', null],
        ['die', null],
      ],
      'the events of a short run',
    );
    checkEqual((await remembered(trial, other.id))?.length, 2, 'the number of events of the one before it');
    checkEqual(await remembered(trial, NO_SUCH_ID), [], 'the events of a container that never was');
  }),
  engineCase('signals and the removal of a container are remembered, also when it is gone', async (trial) => {
    const begun = await trial.begin(sleeps.script);
    await trial.within('the first output', begun.output.until('ready'));
    await trial.within('kill', trial.engine.containers.kill(begun.id, 'SIGTERM'));
    await trial.end(begun);
    await trial.within('remove', trial.engine.containers.remove(begun.id));
    const events = await remembered(trial, begun.id);
    if (events === null) return;
    const types = events.map(({ type, signal }) => [type, signal]);
    const expected = [
      ['start', null],
      ['kill', trial.gaps.has('killSignals') ? null : 15],
      ['die', null],
      ['destroy', null],
    ];
    checkEqual(types, expected, 'the events of a container that was killed and removed');
  }),
  engineCase('reading what it remembers can be given up', async (trial) => {
    const { id } = await trial.run(silent.script);
    const { engine } = trial;
    if (engine.events === undefined) return;
    const reason = new Error('enough');
    const aborted = engine.events({ containerId: id }, { signal: AbortSignal.abort(reason) });
    const first = trial.within('events', aborted[Symbol.asyncIterator]().next());
    await checkRejectsWith(first, reason, 'events with an aborted signal');
    for await (const { type } of engine.events({ containerId: id })) {
      check(type === 'start', `the first event of a container is ${type}, not its start`);
      break;
    }
  }),
];
