/** The faults there are, and where in a run each can strike. Data and its arithmetic only. */
import { RUN_STEPS, type RunStepName } from 'berthkit';

/** What befalls one call of one run on its way to the engine. */
export const CALL_FAULTS = [
  'cut_before',
  'cut_after',
  'no_answer',
  'half_close',
  'delay',
  'one_byte',
  'garbage',
  'status_404',
  'status_409',
  'status_431',
  'status_500',
  'error_in_stream',
] as const;

/** What a storage does with one call of one run. */
export const STORAGE_FAULTS = [
  'storage_hangs',
  'storage_short',
  'storage_long',
  'storage_throws_after',
  'storage_twice',
] as const;

/** What befalls something its caller gives to one run: a file or standard input, given as streams, or a secret. */
export const INPUT_FAULTS = ['input_hangs'] as const;

/** What befalls every run that is under way, and is what its scene is named after. */
export const SCENE_FAULTS = [
  'engine_killed',
  'engine_killed_live_restore',
  'disk_full',
  'inodes_full',
  'descriptors_used_up',
  'process_killed',
  'process_stopped',
] as const;

/** What befalls every run that is under way. */
const SHARED_FAULTS = [...SCENE_FAULTS, 'clock_forward', 'clock_back'] as const;

export type CallFault = (typeof CALL_FAULTS)[number];
export type StorageFault = (typeof STORAGE_FAULTS)[number];
export type SharedFault = (typeof SHARED_FAULTS)[number];
export type FaultName = CallFault | StorageFault | (typeof INPUT_FAULTS)[number] | SharedFault;

/** Every fault, in the order of the table. */
export const FAULTS: readonly FaultName[] = [
  ...CALL_FAULTS,
  ...STORAGE_FAULTS,
  ...INPUT_FAULTS,
  ...SHARED_FAULTS,
];

/** The steps after which a run reads what its caller gives: files, secrets, standard input. */
export const INPUT_STEPS = ['workspace_ready', 'staged', 'started'] as const satisfies readonly RunStepName[];

/** A fault, and the last step its run had written down when it struck. */
export interface Pair {
  readonly fault: FaultName;
  readonly step: RunStepName;
}

/** Calls to the engine by what they are for. */
const STEP_CALLS = {
  planned: ['info'],
  admitted: ['image_inspect', 'pull'],
  // Of a container that proves what the engine sees, or fills volumes.
  workspace_ready: ['create'],
  secrets_ready: ['create'],
  created: ['inspect', 'attach', 'start'],
  started: ['wait', 'inspect', 'stats', 'kill', 'events'],
  settled: ['remove'],
} as const satisfies Partial<Record<RunStepName, readonly string[]>>;

/** The name of a call to the engine. */
export type CallName = (typeof STEP_CALLS)[keyof typeof STEP_CALLS][number];

/** The calls a run makes to its engine between a step and the next one. */
export function callsAfter(step: RunStepName): readonly CallName[] {
  return step in STEP_CALLS ? STEP_CALLS[step as keyof typeof STEP_CALLS] : [];
}

const without = (...present: readonly RunStepName[]): readonly RunStepName[] =>
  RUN_STEPS.filter((step) => !present.includes(step));

/** Pairs that cannot happen, with the reason. Every other one has to. */
export const IMPOSSIBLE_PAIRS: readonly {
  readonly faults: readonly FaultName[];
  readonly steps: readonly RunStepName[];
  readonly reason: string;
}[] = [
  {
    faults: CALL_FAULTS,
    steps: RUN_STEPS.filter((step) => callsAfter(step).length === 0),
    reason: 'a run makes no call to its engine between this step and the next one',
  },
  {
    faults: ['storage_hangs', 'storage_short', 'storage_long'],
    steps: without('workspace_ready', 'storing', 'publishing'),
    reason: 'a run calls no storage between this step and the next one',
  },
  {
    faults: ['storage_throws_after', 'storage_twice'],
    steps: without('storing', 'publishing'),
    reason: 'a run changes nothing in a storage between this step and the next one',
  },
  {
    faults: INPUT_FAULTS,
    steps: without(...INPUT_STEPS),
    reason: 'a run reads nothing its caller gives between this step and the next one',
  },
  {
    faults: ['storage_short', 'storage_long'],
    steps: ['publishing'],
    reason: 'what is committed has its length already',
  },
];

/** Whether a pair can happen. */
export function isPossible({ fault, step }: Pair): boolean {
  return !IMPOSSIBLE_PAIRS.some(({ faults, steps }) => faults.includes(fault) && steps.includes(step));
}

/** Every pair that can happen. */
export const POSSIBLE_PAIRS: readonly Pair[] = FAULTS.flatMap((fault) =>
  RUN_STEPS.map((step) => ({ fault, step })),
).filter(isPossible);

/** A run goes on after these. */
export const HARMLESS: readonly FaultName[] = ['delay', 'one_byte', 'storage_twice'];

/** Whether a run makes another attempt after such a fault, if it may: nothing of the job was done, and an engine may be back. */
export function isTriedAgain({ fault, step }: Pair): boolean {
  if (HARMLESS.includes(fault) || fault === 'status_404') return false;
  // An image that is to be pulled is never there in the end.
  if (fault === 'error_in_stream' && step === 'admitted') return false;
  return (CALL_FAULTS as readonly FaultName[]).includes(fault) && BEFORE_START.includes(step);
}

const BEFORE_START: readonly RunStepName[] = [
  'planned',
  'admitted',
  'workspace_ready',
  'secrets_ready',
  'created',
];

/** A pair as a key. */
export const pairKey = ({ fault, step }: Pair): string => `${fault} ${step}`;
