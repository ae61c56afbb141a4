/** From aims to a run that gets to them: what its steps demand of the job, and everything else by chance. Pure. */
import type { RunStepName } from 'berthkit';
import { isTriedAgain } from './faults.js';
import type { Random } from './random.js';
import { type Aim, JOB_ENDINGS, MAX_ATTEMPTS, type PlannedRun } from './scene.js';

/** What a run is planned for. */
export interface RunFacts {
  readonly runId: string;
  readonly slot: number;
  readonly aims: readonly Aim[];
}

const PUBLISHING: readonly RunStepName[] = ['storing', 'publishing', 'published', 'withdrawn', 'collected'];

/** A run whose job is random where its aims leave it open. */
export function planRunFor(random: Random, { runId, slot, aims }: RunFacts): PlannedRun {
  const comesTo = (...steps: readonly RunStepName[]): boolean =>
    aims.some(({ step }) => steps.includes(step));
  const calls = (name: string): boolean => aims.some(({ call }) => call === name);
  const publishes = comesTo(...PUBLISHING);
  const readsStorage = aims.some(
    ({ fault, step }) => step === 'workspace_ready' && fault.startsWith('storage_'),
  );
  const hangsAt = (step: RunStepName): boolean =>
    aims.some((aim) => aim.step === step && aim.fault === 'input_hangs');
  return {
    runId,
    slot,
    ending: endingFor(random, {
      isKilled: calls('kill'),
      isAskedAbout: calls('events'),
      isMeasured: calls('stats'),
      publishes,
    }),
    inputs: readsStorage ? 'stored' : random.pick(['none', 'inline', 'stored']),
    outputs: publishes ? 'transaction' : random.pick(['none', 'transaction', 'transaction', 'plain']),
    optionalOutput: random.chance(25),
    objectExists: comesTo('withdrawn'),
    secret: random.pick(hangsAt('staged') ? ['env', 'file'] : ['none', 'env', 'file']),
    stdin: random.chance(25),
    streams: hangsAt('workspace_ready') || hangsAt('started'),
    maxAttempts: Math.min(MAX_ATTEMPTS, aims.filter(isTriedAgain).length + (random.chance(20) ? 2 : 1)),
    isJoined: random.chance(15),
    aims,
  };
}

function endingFor(
  random: Random,
  needs: {
    readonly isKilled: boolean;
    readonly isAskedAbout: boolean;
    readonly isMeasured: boolean;
    readonly publishes: boolean;
  },
): PlannedRun['ending'] {
  if (needs.isKilled) return random.pick(['timeout', 'timeout_trapped', 'cancelled']);
  if (needs.isAskedAbout) return 'killed';
  // The others may be over before they are measured for the first time.
  if (needs.isMeasured) return 'zero';
  if (needs.publishes) return random.pick(['zero', 'zero', 'three', 'flood']);
  return random.pick(['zero', 'zero', 'zero', ...JOB_ENDINGS]);
}
