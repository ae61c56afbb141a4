/** From a seed to scenes: the pairs that were planned least come first. Pure: the same seed and number of runs give the same plan. */
import { RUN_STEPS, type RunStepName } from 'berthkit';
import {
  CALL_FAULTS,
  callsAfter,
  type CallName,
  type FaultName,
  HARMLESS,
  INPUT_FAULTS,
  isTriedAgain,
  type Pair,
  pairKey,
  POSSIBLE_PAIRS,
  SCENE_FAULTS,
  STORAGE_FAULTS,
} from './faults.js';
import { planRunFor } from './plan-run.js';
import { createRandom, type Random } from './random.js';
import { type Aim, MAX_ATTEMPTS, type Scene, SCENE_KINDS, type SceneKind } from './scene.js';

/** At most so many runs at once. */
export const MAX_RUNS_AT_ONCE = 5;

/** Where several faults befall one run, not all of them are reached: so much oftener they are planned. */
const MORE_CALLS = 2;

/** A process that is stopped goes on: so often within one run. */
const STOPS_A_RUN = 4;

/** So many scenes in a hundred bring their files in volumes. */
const VOLUMES_PERCENT = 20;

const CLOCK_FAULTS: readonly FaultName[] = ['clock_forward', 'clock_back'];

/** What can strike within each kind of scene. */
const FAULTS_OF: Readonly<Record<SceneKind, readonly FaultName[]>> = {
  calls: [...CALL_FAULTS, ...STORAGE_FAULTS, ...INPUT_FAULTS, ...CLOCK_FAULTS],
  engine_killed: ['engine_killed'],
  engine_killed_live_restore: ['engine_killed_live_restore'],
  disk_full: ['disk_full'],
  inodes_full: ['inodes_full'],
  descriptors_used_up: ['descriptors_used_up'],
  process_killed: ['process_killed'],
  process_stopped: ['process_stopped'],
};

interface Planning {
  readonly random: Random;
  /** How often each pair is planned so far. */
  readonly planned: Map<string, number>;
}

/** The scenes of so many runs. */
export function planScenes({
  runs,
  seed,
}: {
  readonly runs: number;
  readonly seed: number;
}): readonly Scene[] {
  const planning: Planning = { random: createRandom(seed), planned: new Map() };
  const scenes: Scene[] = [];
  for (let left = runs; left > 0;) {
    const index = scenes.length;
    const kind = leastPlannedKind(planning);
    const size = Math.min(left, MAX_RUNS_AT_ONCE - planning.random.below(2));
    const prefix = `s${String(seed)}-${String(index)}`;
    scenes.push({
      index,
      kind,
      transport: planning.random.chance(VOLUMES_PERCENT) ? 'volume' : 'auto',
      runs: Array.from({ length: size }, (_, slot) =>
        planRunFor(planning.random, {
          runId: `${prefix}-${String(slot)}`,
          slot,
          aims: aimsFor(kind, planning),
        }),
      ),
    });
    left -= size;
  }
  return scenes;
}

const countOf = ({ planned }: Planning, pair: Pair): number => planned.get(pairKey(pair)) ?? 0;

/** The pairs planned least often among some, in any order. */
function leastPlanned(planning: Planning, pairs: readonly Pair[]): readonly Pair[] {
  const least = Math.min(...pairs.map((pair) => countOf(planning, pair)));
  return planning.random.shuffle(pairs.filter((pair) => countOf(planning, pair) === least));
}

/** The kind with the pair that is planned least, and of several that with the fewest runs for what it has to show. */
function leastPlannedKind(planning: Planning): SceneKind {
  const ranked = planning.random.shuffle(SCENE_KINDS).map((kind) => {
    const counts = POSSIBLE_PAIRS.filter(
      ({ fault }) => FAULTS_OF[kind].includes(fault) && !CLOCK_FAULTS.includes(fault),
    ).map((pair) => countOf(planning, pair));
    const average = counts.reduce((sum, count) => sum + count, 0) / counts.length;
    return { kind, rank: Math.min(...counts) - (kind === 'calls' ? MORE_CALLS : 0) + average / 1000 };
  });
  return ranked.reduce((least, each) => (each.rank < least.rank ? each : least), ranked[0] ?? NO_KIND).kind;
}

const NO_KIND = { kind: 'calls', rank: 0 } as const;

const positionOf = (step: RunStepName): number => RUN_STEPS.indexOf(step);

function aimsFor(kind: SceneKind, planning: Planning): readonly Aim[] {
  const pairs = kind === 'calls' ? pairsOfCalls(planning) : sharedPairs(kind, planning);
  return pairs
    .toSorted((one, other) => positionOf(one.step) - positionOf(other.step))
    .map((pair) => toAim(pair, planning.random));
}

/** Of a pair at which call it strikes, if at any. */
export const toAim = (pair: Pair, random: Random): Aim => ({ ...pair, call: callFor(pair, random) });

/** The scenes in which a fault can strike. */
export const kindOf = (fault: FaultName): SceneKind => SCENE_FAULTS.find((name) => name === fault) ?? 'calls';

function take(planning: Planning, pairs: readonly Pair[]): Pair | null {
  const [pair = null] = leastPlanned(planning, pairs);
  if (pair !== null) planning.planned.set(pairKey(pair), countOf(planning, pair) + 1);
  return pair;
}

function sharedPairs(kind: Exclude<SceneKind, 'calls'>, planning: Planning): readonly Pair[] {
  const pairs = POSSIBLE_PAIRS.filter(({ fault }) => fault === kind);
  if (kind !== 'process_stopped') return takeSome(planning, pairs, 1);
  // Such a run comes to its end, and its clock may jump wherever it is.
  const stops = takeSome(planning, pairs, STOPS_A_RUN);
  return [...stops, ...takeSome(planning, clockPairs(), STOPS_A_RUN, stops)];
}

/** The least planned ones, none of them twice, and none that contradicts another. */
function takeSome(
  planning: Planning,
  pairs: readonly Pair[],
  most: number,
  beside: readonly Pair[] = [],
): readonly Pair[] {
  const taken: Pair[] = [];
  while (taken.length < most) {
    const chosen = [...beside, ...taken];
    const left = pairs.filter(
      (pair) => !taken.includes(pair) && chosen.every(({ step }) => fits(step, pair.step)),
    );
    const pair = take(planning, left);
    if (pair === null) break;
    taken.push(pair);
  }
  return taken;
}

/** What is withdrawn never comes to these. */
const OF_PUBLISHED: readonly RunStepName[] = ['publishing', 'published', 'collected'];

function fits(one: RunStepName, other: RunStepName): boolean {
  const both = [one, other];
  return !both.includes('withdrawn') || !both.some((step) => OF_PUBLISHED.includes(step));
}

const clockPairs = (): readonly Pair[] => POSSIBLE_PAIRS.filter(({ fault }) => CLOCK_FAULTS.includes(fault));

/** Faults after which the run is tried again, and in the end one that may be its last; harmless ones before that, and a clock that jumps. */
function pairsOfCalls(planning: Planning): readonly Pair[] {
  const own = POSSIBLE_PAIRS.filter(
    ({ fault }) => !CLOCK_FAULTS.includes(fault) && FAULTS_OF.calls.includes(fault),
  );
  const mains: Pair[] = [];
  while (mains.length < MAX_ATTEMPTS && mains.every(isTriedAgain)) {
    const main = take(planning, own);
    if (main === null) break;
    mains.push(main);
  }
  const at = Math.min(...mains.map(({ step }) => positionOf(step)));
  const harmless = own.filter(({ fault, step }) => HARMLESS.includes(fault) && positionOf(step) < at);
  const clocks = clockPairs().filter(
    ({ step }) => positionOf(step) <= at && mains.every((main) => fits(main.step, step)),
  );
  const isWorthIt = harmless.some((pair) =>
    mains.some((main) => countOf(planning, pair) < countOf(planning, main)),
  );
  return [...mains, ...takeSome(planning, harmless, isWorthIt ? 1 : 0), ...takeSome(planning, clocks, 1)];
}

function callFor({ fault, step }: Pair, random: Random): CallName | null {
  if (!(CALL_FAULTS as readonly FaultName[]).includes(fault)) return null;
  // Only a pull's answer is a stream in which an error can stand; else images are there, for no registry can be reached.
  if (step === 'admitted') return fault === 'error_in_stream' ? 'pull' : 'image_inspect';
  return random.pick(callsAfter(step));
}
