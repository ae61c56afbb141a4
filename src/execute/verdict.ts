/** From what was observed to what it means: pure, so that every row can be tested as a table. */
import type { ContainerInfo } from '../engine/types.js';
import type { Evidence, Reason } from '../result.js';
import type { StopCause } from './stop.js';

/** What was observed of one container's end. */
export interface Observation {
  /** The cause recorded before any signal was sent; null if the container was left alone. */
  readonly stop: StopCause | null;
  /** The last truth about the container; null when it was gone. */
  readonly info: ContainerInfo | null;
  /** Exit code of a start the engine refused (126, 127); null if it started. */
  readonly startExitCode: number | null;
  /** The last line of standard error. */
  readonly lastErrorLine: string | null;
  /** The engine could not be reached at some time during the run. */
  readonly engineLost: boolean;
  /** ISO time on this host. */
  readonly at: string;
}

/** The meaning of an observation. */
export interface Verdict {
  readonly reason: Reason;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly oomKilled: boolean | null;
  readonly evidence: readonly Evidence[];
}

const SIGNAL_NAMES: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  14: 'SIGALRM',
  15: 'SIGTERM',
  24: 'SIGXCPU',
  25: 'SIGXFSZ',
  31: 'SIGSYS',
};

/** What the engine's init process says when it cannot execute the entry point: then the start has succeeded, and it exits 126 or 127. */
const INIT_FAILURE = /^\[FATAL tini \(\d+\)\] exec .* failed: /;

/** The signal an exit code above 128 stands for by the shell's convention, or null. */
export function signalOf(exitCode: number | null): string | null {
  return exitCode === null ? null : (SIGNAL_NAMES[exitCode - 128] ?? null);
}

/**
 * The first cause wins. A container that never started is never a success, and neither is one that is gone: only the engine's word "exited,
 * 0, and it was started" is. An end by SIGKILL that overlapped a loss of the engine is `interrupted`: a restarting engine stops what it finds.
 */
export function judgeEnd(observation: Observation): Verdict {
  const { stop, info, startExitCode, lastErrorLine, engineLost, at } = observation;
  const exitCode = startExitCode ?? info?.exitCode ?? null;
  const signal = signalOf(info?.exitCode ?? null);
  const oomKilled = info === null ? null : info.oomKilled;
  const verdict = (reason: Reason, by: Evidence['by'], what: string): Verdict => ({
    reason,
    exitCode,
    signal,
    oomKilled,
    evidence: [{ by, what, at }],
  });

  if (stop !== null) return verdict(stop.reason, stop.by, stop.message);
  if (startExitCode !== null)
    return verdict('start_failed', 'engine', info?.error ?? 'the start was refused');
  if (info === null) {
    return engineLost
      ? verdict('interrupted', 'engine', 'the container was gone after the engine had been away')
      : verdict('externally_removed', 'stranger', 'the container was removed while it ran');
  }
  if (info.startedAt === null || exitCode === null) {
    return verdict('interrupted', 'engine', `the container is "${info.status}" and has no exit code`);
  }
  const note = info.oomKilled ? '; a child was killed for lack of memory' : '';
  if (exitCode === 0) {
    return verdict('completed', 'job', `exit code 0${note}`);
  }
  if ((exitCode === 126 || exitCode === 127) && lastErrorLine !== null && INIT_FAILURE.test(lastErrorLine)) {
    return verdict('start_failed', 'engine', lastErrorLine);
  }
  if (engineLost && exitCode === 137) {
    return verdict('interrupted', 'engine', 'exit code 137 after the engine had been away');
  }
  if (exitCode === 137 && info.oomKilled) {
    return verdict('oom_killed', 'kernel', 'the engine reports a kill for lack of memory');
  }
  if (exitCode === 137) {
    // The engine misses some kills by the kernel, so this is named for what is known: the kill was not ours.
    return verdict(
      'signaled',
      'stranger',
      'exit code 137: killed from outside, or unseen for lack of memory',
    );
  }
  if (signal !== null) return verdict('signaled', 'job', `ended by ${signal}`);
  return verdict('non_zero_exit', 'job', `exit code ${String(exitCode)}${note}`);
}
