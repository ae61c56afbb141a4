/** One execution on the fake engine, with all that is told of it in the order in which it happens. */
import type { FakeEngine, FakeEngineScript } from 'berthkit/testing';
import { fakeEngine } from 'berthkit/testing';
import type { ContainerEngine, EngineContainers } from '../../src/engine/types.js';
import { executeContainer, type ExecutionOptions } from '../../src/execute/execute-container.js';
import type { Ending } from '../../src/execute/follow-container.js';
import type { SightingFact } from '../../src/execute/sighting.js';
import { createStopSource, type StopCause, type StopSource } from '../../src/execute/stop.js';
import { specOf } from './spec-fixture.js';

/** A stop nobody has a reason of his own for. */
export const CANCELLED: StopCause = { reason: 'cancelled', by: 'caller', message: 'enough' };

/** An execution that is about to begin. */
export interface Execution {
  readonly fake: FakeEngine;
  readonly stop: StopSource;
  /** Calls to the engine that were made, `created` and `started` where they were told, and what was seen and warned of. */
  readonly story: string[];
  readonly said: string[];
  /** Begins it. */
  execute(): Promise<Ending>;
}

/** Makes one; `change` has its way with the calls, `options` with the rest. */
export async function executing(
  script: FakeEngineScript = {},
  options: Partial<ExecutionOptions> = {},
  change: (containers: EngineContainers, fake: FakeEngine) => Partial<EngineContainers> = () => ({}),
): Promise<Execution> {
  const fake = fakeEngine(script);
  const image = await fake.images.inspect('busybox:1');
  const stop = createStopSource(() => 'now');
  const story: string[] = [];
  const said: string[] = [];
  const told = (fact: SightingFact): string =>
    'signal' in fact ? `${fact.kind} ${String(fact.signal)}` : fact.kind;
  const engine: ContainerEngine = {
    ...fake,
    containers: noted({ ...fake.containers, ...change(fake.containers, fake) }, story),
  };
  const execute = async (): Promise<Ending> =>
    executeContainer({
      ...{ engine, stop, spec: { ...specOf(), image: image?.id ?? '' }, attestedImage: image, stdin: null },
      ...{ runMs: 60_000, idleOutputMs: null, stopGraceMs: 60_000, leaving: null },
      onCreated: async () => Promise.resolve(void story.push('created')),
      onStarted: () => void story.push('started'),
      onOutput: async ({ bytes }) => Promise.resolve(void said.push(Buffer.from(bytes).toString())),
      onSighting: (fact) => void story.push(told(fact)),
      onWarning: (message) => void story.push(`warning: ${message}`),
      ...options,
    });
  return { fake, stop, story, said, execute };
}

/** The same calls, each told when it is made; looks at the container are not, for their number depends on time. */
function noted(containers: EngineContainers, story: string[]): EngineContainers {
  const note =
    <A extends unknown[], R>(name: string, call: (...given: A) => R) =>
    (...given: A): R => {
      story.push(name);
      return call(...given);
    };
  return {
    ...containers,
    create: note('create', containers.create),
    attach: note('attach', containers.attach),
    start: note('start', containers.start),
    kill: note('kill', containers.kill),
    remove: note('remove', containers.remove),
  };
}
