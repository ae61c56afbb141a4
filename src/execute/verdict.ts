/** From what was observed to what it means: pure, so that every row can be tested as a table. */
import type { ContainerInfo } from '../engine/types.js';
import type { Evidence, Reason } from '../result.js';
import { type Sighting, toEvidence } from './sighting.js';
import { signalOf } from './signals.js';
import type { RecordedStop } from './stop.js';

/** What was observed of one container's end. */
export interface Observation {
  /** The cause recorded before any signal was sent and before the end was known; null if the container was left alone. */
  readonly stop: RecordedStop | null;
  /** The last truth about the container; null when it was gone. */
  readonly info: ContainerInfo | null;
  /** Exit code of a start the engine refused (126, 127); null if it started. */
  readonly startExitCode: number | null;
  /** The last line of standard error. */
  readonly lastErrorLine: string | null;
  /** In the order they were noticed. */
  readonly sightings: readonly Sighting[];
  /** When the end was looked at: ISO time on this host. */
  readonly at: string;
}

/** The meaning of an observation. */
export interface Verdict {
  readonly reason: Reason;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly oomKilled: boolean | null;
  /** The first says who ended the run; what else was seen follows in the order it was noticed. */
  readonly evidence: readonly Evidence[];
}

/** Why a run ended, and by whom. */
interface Finding {
  readonly reason: Reason;
  readonly by: Evidence['by'];
  readonly what: string;
}

const OOM_FLAG = 'the engine reports that a process was killed for lack of memory';

/** What Docker's init process says when it cannot execute the entry point: then the start has succeeded, and it exits 126 or 127. */
const INIT_FAILURE = /^\[FATAL tini \(\d+\)\] exec .* failed: /;
/** What Podman's says; it exits 1, whatever the reason. */
const OTHER_INIT_FAILURE = /^ERROR \(catatonit:\d+\): failed to exec pid1: (.+)$/;

/** The exit code a shell would give for an entry point that the init process could not execute; null where it did. */
function exitCodeOfInit({ info, lastErrorLine }: Observation): number | null {
  const exitCode = info?.exitCode ?? null;
  if (lastErrorLine === null) return null;
  if (exitCode === 126 || exitCode === 127) return INIT_FAILURE.test(lastErrorLine) ? exitCode : null;
  const why = exitCode === 1 ? OTHER_INIT_FAILURE.exec(lastErrorLine)?.[1] : undefined;
  if (why === undefined) return null;
  return why === 'No such file or directory' ? 127 : 126;
}

/**
 * The first cause wins. A container that never started is never a success, and neither is one that is gone: only the engine's word "exited,
 * 0, and it was started" is, and only of what we started. What an engine ended that was restarted is `interrupted`, whatever the exit code: the job may have answered the
 * engine's SIGTERM with 0.
 */
export function judgeEnd(observation: Observation): Verdict {
  const { stop, info, startExitCode, sightings, at } = observation;
  const exitCode = startExitCode ?? exitCodeOfInit(observation) ?? info?.exitCode ?? null;
  const { reason, by, what } = findingOf(observation, exitCode);
  const actors = {
    stoppedBy: stop?.by ?? 'engine',
    signaledBy: reason === 'interrupted' && by === 'engine' ? 'engine' : 'stranger',
  } as const;
  const evidence: Evidence[] = [
    { by, what, at: stop?.at ?? at },
    ...sightings.map((sighting) => toEvidence(sighting, actors)),
  ];
  // Without a stop the look at the container is itself what decided.
  if (stop !== null) evidence.push({ ...outcomeAfterStop(observation, stop), at });
  if (info?.oomKilled === true && by !== 'kernel') evidence.push({ by: 'kernel', what: OOM_FLAG, at });
  return {
    reason,
    exitCode,
    signal: signalOf(info?.exitCode ?? null),
    oomKilled: info === null ? null : wasSeen(sightings, 'out_of_memory') || info.oomKilled,
    evidence,
  };
}

function findingOf(observation: Observation, exitCode: number | null): Finding {
  const { stop, info, startExitCode, lastErrorLine, sightings } = observation;
  const has = (kind: Sighting['kind']): boolean => wasSeen(sightings, kind);
  const finding = (reason: Reason, by: Evidence['by'], what: string): Finding => ({ reason, by, what });
  if (stop !== null) return finding(stop.reason, stop.by, stop.message);
  if (startExitCode !== null) return finding('start_failed', 'engine', wordsOnStart(info));
  if (info === null) {
    const wasAway = has('engine_lost') && !has('engine_stayed');
    // Given up on: nobody saw that the container was gone.
    const isAway = isStillLost(sightings) && !has('removed_through_engine');
    if (isAway) return finding('interrupted', 'engine', 'the engine stayed away, and nobody saw the end');
    return wasAway
      ? finding('interrupted', 'engine', 'the container was gone after the engine had been away')
      : finding('externally_removed', 'stranger', 'the container was removed while it ran');
  }
  if (info.status === 'removing')
    return finding('externally_removed', 'stranger', 'the container is being removed');
  const hasEnded = info.status === 'exited' || info.status === 'dead';
  if (!hasEnded || info.startedAt === null || exitCode === null) {
    return finding('interrupted', 'engine', `the container is "${info.status}" and has no exit code`);
  }
  const interruption = interruptionBy(sightings, exitCode);
  if (interruption !== null) return finding('interrupted', 'engine', interruption);
  // What ended by itself is not what we started.
  if (has('started_again')) {
    return finding('interrupted', 'stranger', 'the container was ended and started again while it ran');
  }
  if (exitCode === 0) return finding('completed', 'job', 'exit code 0');
  if (lastErrorLine !== null && exitCodeOfInit(observation) !== null)
    return finding('start_failed', 'engine', lastErrorLine);
  if (exitCode === 137) return findingOfKill(info, has);
  const signal = signalOf(exitCode);
  if (signal === null) return finding('non_zero_exit', 'job', `exit code ${String(exitCode)}`);
  return finding('signaled', has('signal_through_engine') ? 'stranger' : 'job', `ended by ${signal}`);
}

const wasSeen = (sightings: readonly Sighting[], kind: Sighting['kind']): boolean =>
  sightings.some((sighting) => sighting.kind === kind);

/** Whether the engine was lost and did not come back. */
function isStillLost(sightings: readonly Sighting[]): boolean {
  const last = sightings.findLast(({ kind }) => kind === 'engine_lost' || kind === 'engine_back');
  return last?.kind === 'engine_lost';
}

/** In words, how a restart of the engine ended the container; null if it did not. */
function interruptionBy(sightings: readonly Sighting[], exitCode: number): string | null {
  const isLost = sightings.some(({ kind }) => kind === 'engine_lost');
  if (!isLost || sightings.some(({ kind }) => kind === 'engine_stayed')) return null;
  const restart = sightings.find((sighting) => sighting.kind === 'engine_restarted');
  const isKill = exitCode === 137 || exitCode === 143;
  if (restart === undefined) {
    return isKill ? `exit code ${String(exitCode)} after the engine had been away` : null;
  }
  const wasSignaled = sightings.some(({ kind }) => kind === 'signal_through_engine');
  // An end that the engine did not see lies between its going and its coming: it stopped the container before it went, or found it ended.
  const isInterruption = restart.sawTheEnd
    ? restart.endsContainers && wasSignaled
    : restart.endsContainers || isKill;
  return isInterruption ? `exit code ${String(exitCode)} when the engine was restarted` : null;
}

/** Exit code 137 alone tells nothing: who else was seen does. */
function findingOfKill(info: ContainerInfo, has: (kind: Sighting['kind']) => boolean): Finding {
  if (has('signal_through_engine'))
    return { reason: 'signaled', by: 'stranger', what: 'exit code 137: killed through the engine' };
  // A busy engine misses one of the two now and then.
  if (info.oomKilled === true || has('out_of_memory'))
    return { reason: 'oom_killed', by: 'kernel', what: 'exit code 137: killed for lack of memory' };
  // Nobody else was seen, and nobody looked for the kernel: what there is left is the job, which may have taken more memory than it has.
  if (info.oomKilled === null) {
    const what = 'exit code 137: killed, and the engine cannot tell whether for lack of memory';
    return { reason: 'signaled', by: 'job', what };
  }
  // The engine misses some kills by the kernel, so this is named for what is known: the kill was not ours.
  const what = 'exit code 137: killed from outside, or unseen for lack of memory';
  return { reason: 'signaled', by: 'stranger', what };
}

/** What a stopped container came to, and whose doing that was: ours for them who had it stopped, or the job's own. */
function outcomeAfterStop(
  { info, startExitCode, sightings }: Observation,
  stop: RecordedStop,
): Omit<Evidence, 'at'> {
  if (info === null) return { by: stop.by, what: 'the container is gone' };
  if (startExitCode !== null) return { by: 'engine', what: wordsOnStart(info) };
  if (info.exitCode === null) return { by: 'engine', what: `the container is still "${info.status}"` };
  const signal = signalOf(info.exitCode);
  const isOurs = sightings.some((seen) => seen.kind === 'signal_sent' && seen.signal === signal);
  return { by: isOurs ? stop.by : 'job', what: `exit code ${String(info.exitCode)}` };
}

function wordsOnStart(info: ContainerInfo | null): string {
  return info === null || info.error === '' ? 'the start was refused' : info.error;
}
