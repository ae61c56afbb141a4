/** What a caller gives to a run while it goes on, files, secrets and standard input, at the mercy of the aims: it hangs where it is due. */
import { setTimeout as sleep } from 'node:timers/promises';
import { RUN_STEPS, type RunOptions, type RunStepName } from 'berthkit';
import type { INPUT_STEPS } from './faults.js';
import { secretOf } from './jobs.js';
import type { Progress } from './progress.js';
import type { PlannedRun } from './scene.js';

type InputStep = (typeof INPUT_STEPS)[number];

const POLL_MS = 5;

/** The streams of a run that is given any. */
export function streamsOf(
  { runId, streams }: PlannedRun,
  progress: Progress,
): Pick<RunOptions, 'files' | 'stdin'> {
  if (!streams) return {};
  return {
    files: { 'given.txt': stream(runId, 'workspace_ready', progress) },
    stdin: stream(runId, 'started', progress),
  };
}

/** Answers like the resolver of a caller. */
export async function faultySecret(runId: string, named: string, progress: Progress): Promise<string> {
  await hangIfDue(runId, 'staged', progress);
  return secretOf(named);
}

async function* stream(
  runId: string,
  step: InputStep,
  progress: Progress,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield Buffer.from('the first half\n');
  await hangIfDue(runId, step, progress);
  yield Buffer.from('the second half\n');
}

async function hangIfDue(runId: string, step: InputStep, progress: Progress): Promise<void> {
  const isThere = (): boolean => positionOf(progress.stepOf(runId)) >= positionOf(step);
  // What is read may be read a moment before the step is written down.
  while (!isThere() && !progress.hasEnded(runId)) await sleep(POLL_MS);
  if (progress.takeAim(runId, ({ fault }) => fault === 'input_hangs') === null) return;
  await new Promise<never>(() => undefined);
}

const positionOf = (step: RunStepName | null): number => (step === null ? -1 : RUN_STEPS.indexOf(step));
