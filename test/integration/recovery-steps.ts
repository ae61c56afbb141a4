/** The steps of a run at which its process is killed: those the run store knows, and what is there and what becomes of the run at each. Data only. */
import { RUN_STEPS } from '../../src/index.js';

/** A step after which a process dies, and what it leaves behind. */
export interface KillStep {
  readonly step: (typeof RUN_STEPS)[number];
  readonly container: boolean;
  readonly folder: boolean;
  /** What its outputs' storage holds once another process has looked. */
  readonly outputs: 'none' | 'all';
  /** How the run ended, as the store has it then. */
  readonly end: 'orphaned' | 'completed' | 'storage.exists';
}

type Found = Omit<KillStep, 'step'>;

const BEFORE_FOLDER: Found = { container: false, folder: false, outputs: 'none', end: 'orphaned' };
const WITH_FOLDER: Found = { ...BEFORE_FOLDER, folder: true };
const WITH_CONTAINER: Found = { ...WITH_FOLDER, container: true };
const PUBLISHED: Found = { ...WITH_CONTAINER, outputs: 'all' };

const FOUND: Readonly<Record<(typeof RUN_STEPS)[number], Found>> = {
  planned: BEFORE_FOLDER,
  admitted: BEFORE_FOLDER,
  image_ready: BEFORE_FOLDER,
  workspace_ready: WITH_FOLDER,
  staged: WITH_FOLDER,
  secrets_ready: WITH_FOLDER,
  created: WITH_CONTAINER,
  started: WITH_CONTAINER,
  exited: WITH_CONTAINER,
  storing: WITH_CONTAINER,
  publishing: PUBLISHED,
  published: PUBLISHED,
  // Only a run that failed to publish comes to it.
  withdrawn: WITH_CONTAINER,
  collected: PUBLISHED,
  settled: { ...PUBLISHED, end: 'completed' },
};

/** Every step there is. */
export const KILL_STEPS: readonly KillStep[] = RUN_STEPS.map((step) => ({ step, ...FOUND[step] }));
