/** What the process exits with: one table for outcomes, one rule for errors. Pure. */
import { type AnyJobRuntimeError, type Reason, type RunResult } from '../index.js';
import type { CancelSignal } from './io.js';

/**
 * The exit codes that are ours; every other one is the job's own. `differs`: of commands that compare and run nothing. `undone`: of commands about
 * the runs of others, where not all could be done. `unhealthy`: of an examination that found something to mend, or could not see all.
 */
export const EXIT = {
  succeeded: 0,
  differs: 1,
  undone: 1,
  unhealthy: 1,
  badInput: 2,
  timedOut: 124,
  ownError: 125,
} as const;

const SIGNAL_NUMBERS: Readonly<Record<CancelSignal, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

/** `job`: what the container exited with. `signal`: 128 and the number of the signal we got. */
const CODES: Readonly<Record<Reason, number | 'job' | 'signal'>> = {
  completed: EXIT.succeeded,
  non_zero_exit: 'job',
  // 128 and the number of the signal, as a shell would say it.
  signaled: 'job',
  // 126 or 127, as a shell would say it.
  start_failed: 'job',
  // 137: what every container tool gives for it.
  oom_killed: 'job',
  // The job itself exited 0, so there is no code of its own to pass on.
  output_missing: EXIT.ownError,
  output_rejected: EXIT.ownError,
  disk_limit_exceeded: EXIT.ownError,
  output_limit_exceeded: EXIT.ownError,
  log_limit_exceeded: EXIT.ownError,
  timed_out: EXIT.timedOut,
  idle_timed_out: EXIT.timedOut,
  queue_expired: EXIT.timedOut,
  // What a shell expects of a program that was interrupted; it is no error of ours.
  cancelled: 'signal',
  runtime_shutdown: EXIT.ownError,
  externally_removed: EXIT.ownError,
  interrupted: EXIT.ownError,
  evicted: EXIT.ownError,
  orphaned: EXIT.ownError,
};

/** The code for a run that has a result; `signal` is the one that cancelled it, if one did. */
export function exitCodeOfResult(
  { reason, exitCode }: Pick<RunResult, 'reason' | 'exitCode'>,
  signal: CancelSignal | null,
): number {
  const code = CODES[reason];
  if (code === 'signal') return signal === null ? EXIT.ownError : exitCodeOfSignal(signal);
  if (code !== 'job') return code;
  // A failure must never look like a success, whatever the engine said of the container.
  return exitCode === null || exitCode === 0 ? EXIT.ownError : exitCode;
}

/** 128 and the number of the signal. */
export function exitCodeOfSignal(signal: CancelSignal): number {
  return 128 + SIGNAL_NUMBERS[signal];
}

/**
 * The code for a run that has none: 2 where the input (definition, options, configuration, the id of a run) has to change before it can run, which is also
 * what `validate` exits with for it; 125 for anything that happened on the way.
 */
export function exitCodeOfError({ kind, code }: Pick<AnyJobRuntimeError, 'kind' | 'code'>): number {
  const isInput =
    kind === 'config' ||
    kind === 'validation' ||
    ['policy.denied', 'runtime.disabled', 'run.not_found'].includes(code);
  return isInput ? EXIT.badInput : EXIT.ownError;
}
