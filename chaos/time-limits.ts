/** How long an attempt may take from each of its steps to its end: what is promised, from its own deadlines, and what a scene adds. */
import { RUN_STEPS, type RunStepName } from 'berthkit';
import { bentMs, PATIENT_STORE_MS } from './bent-timers.js';

/** The deadlines every run is given, but for one that is to be ended by its own. Far off for what the machine may be busy with. */
export const TIMEOUTS = {
  queueMs: 60_000,
  pullMs: 8_000,
  stageMs: 6_000,
  runMs: 180_000,
  stopMs: 1_000,
  collectMs: 8_000,
} as const;

/** How long a run that is to be ended by its deadline may run. */
export const SHORT_RUN_MS = 2_500;

/** By default, for all secrets together. */
const SECRETS_MS = 30_000;
/** Of one call to the engine that belongs to no phase: making the container, looking at it before its start. */
const CALL_MS = 60_000;
/** What a start that is neither answered nor seen has on top. */
const STARTING_MS = 10_000;
/** After the time to stop: SIGKILL, and then removal by force. */
const FORCE_MS = 10_000;
/** For each thing to remove. */
const CLEANUP_MS = 60_000;
/** Container, volumes, folder, secrets, outputs. */
const THINGS = 5;
/** A machine that is busy with other scenes. */
const BUSY_MS = 30_000;

/** What there is time for, by the step that is taken when it is over. */
const PHASES: readonly { readonly until: RunStepName; readonly deadlines: readonly number[] }[] = [
  { until: 'admitted', deadlines: [TIMEOUTS.queueMs] },
  { until: 'image_ready', deadlines: [TIMEOUTS.pullMs] },
  { until: 'staged', deadlines: [TIMEOUTS.stageMs] },
  { until: 'secrets_ready', deadlines: [SECRETS_MS] },
  { until: 'created', deadlines: [CALL_MS] },
  { until: 'started', deadlines: [CALL_MS] },
  { until: 'exited', deadlines: [TIMEOUTS.runMs + STARTING_MS, TIMEOUTS.stopMs, FORCE_MS, FORCE_MS] },
  { until: 'collected', deadlines: [TIMEOUTS.collectMs] },
];

const CLEANING: readonly number[] = Array.from({ length: THINGS }, () => CLEANUP_MS);

/** The most that may pass after a step, null being before the first, to the promise or the next attempt. `isHeld`: runs of the scene wait for each other. */
export function limitAfter(step: RunStepName | null, isHeld: boolean): number {
  const isAhead = (until: RunStepName): boolean =>
    step === null || RUN_STEPS.indexOf(until) > RUN_STEPS.indexOf(step);
  const deadlines = PHASES.flatMap((phase) => (isAhead(phase.until) ? phase.deadlines : []));
  const bent = [...deadlines, ...CLEANING].reduce((sum, each) => sum + bentMs(each), 0);
  return bent + BUSY_MS + (isHeld ? PATIENT_STORE_MS : 0);
}
