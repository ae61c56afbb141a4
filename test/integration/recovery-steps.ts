/** The steps of a run at which its process is killed, in their order, and what makes each one known. Data only. */
import type { RunEventType } from '../../src/index.js';

/** A step: an event, the upload of an output, or the beginning of the clean-up, which a secret's release tells. */
export type KillStep = RunEventType | 'uploading' | 'cleaning_up';

/** Every step, and whether a container and a folder are there at it; null where that depends on the order of cleaning up. */
export const KILL_STEPS: readonly {
  readonly step: KillStep;
  readonly container: boolean | null;
  readonly folder: boolean;
}[] = [
  { step: 'queue_end', container: false, folder: false },
  { step: 'pull_end', container: false, folder: false },
  { step: 'stage_start', container: false, folder: true },
  { step: 'stage_end', container: false, folder: true },
  { step: 'container_created', container: true, folder: true },
  { step: 'container_started', container: true, folder: true },
  { step: 'output', container: true, folder: true },
  { step: 'container_exited', container: true, folder: true },
  { step: 'collect_start', container: true, folder: true },
  { step: 'uploading', container: true, folder: true },
  { step: 'collect_end', container: true, folder: true },
  { step: 'cleaning_up', container: null, folder: true },
];
