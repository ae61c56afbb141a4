/** What a scene is: a few runs at once, what each is like, and which faults strike where. Data only, so that it can be printed and repeated. */
import { type CallName, type Pair, SCENE_FAULTS } from './faults.js';

/** Where the runs of a scene take place, and what may befall all of them together. */
export const SCENE_KINDS = ['calls', ...SCENE_FAULTS] as const;

/** The kind of a scene; all but `calls` are named after their fault. */
export type SceneKind = (typeof SCENE_KINDS)[number];

/** A fault that is meant to strike a run after one of its steps. */
export interface Aim extends Pair {
  /** Of a call to the engine: which one. */
  readonly call: CallName | null;
}

/** At most so many attempts of one run. */
export const MAX_ATTEMPTS = 4;

/** How a job ends if nothing keeps it from that. */
export const JOB_ENDINGS = [
  'zero',
  'three',
  'flood',
  'timeout',
  'timeout_trapped',
  'cancelled',
  'killed',
  'output_missing',
] as const;

/** A run that is to be. JSON-safe; the same seed gives the same. */
export interface PlannedRun {
  readonly runId: string;
  /** Of the scene's runs: which. It has an image name of its own, so that calls about the image tell whose they are. */
  readonly slot: number;
  readonly ending: (typeof JOB_ENDINGS)[number];
  readonly inputs: 'none' | 'inline' | 'stored';
  /** `plain`: in a storage without transactions. */
  readonly outputs: 'none' | 'transaction' | 'plain';
  /** One of its outputs is not made and need not be. */
  readonly optionalOutput: boolean;
  /** One of its objects is there before. */
  readonly objectExists: boolean;
  readonly secret: 'none' | 'env' | 'file';
  readonly stdin: boolean;
  /** Its caller gives a file and standard input as streams. */
  readonly streams: boolean;
  readonly maxAttempts: number;
  /** It has an idempotency key, and a second caller comes with the same one. */
  readonly isJoined: boolean;
  /** In the order in which they strike. */
  readonly aims: readonly Aim[];
}

/** A few runs at once. */
export interface Scene {
  readonly index: number;
  readonly kind: SceneKind;
  /** `volume`: as if the engine saw no folder of this host. */
  readonly transport: 'auto' | 'volume';
  readonly runs: readonly PlannedRun[];
}
