/** Starts a created container and finds out whether it runs, also where the engine's answer is lost. It stops and removes none. */
import { LONGEST_TIMER_MS } from '../base/longest-timer.js';
import type { ContainerEngine } from '../engine/types.js';
import { JobRuntimeError } from '../errors.js';
import { aborted, NO_LONGER_WANTED, pause } from './deadline.js';
import { engineCall } from './engine-call.js';
import type { StopSource } from './stop.js';

/** What became of a start. */
export type Start =
  /** It runs, or ran. `ranMs`: for how long that may be already. */
  | { readonly outcome: 'started'; readonly ranMs: number }
  /** The engine says that the job's entry point or one of its mounts is at fault: 126 or 127, and in its words why. */
  | { readonly outcome: 'refused'; readonly exitCode: number; readonly words: string }
  /** The run is to end, and the engine has not said whether the container was started. */
  | { readonly outcome: 'unknown' };

/** What starting needs. */
export interface StartOptions {
  readonly engine: ContainerEngine;
  readonly stop: StopSource;
  readonly runMs: number;
}

/** An ordinary start is answered before this; from then on the container is looked at this often. */
const LOOK_EVERY_MS = 1_000;
/** A look may meet a connection that died as well. */
const LOOK_MS = 5_000;
/** A busy engine's start is not the job's time, but it puts off the deadline by no more than this. */
const STARTING_MS = 10_000;
/** After a stop, a start that is under way gets this long to be answered. */
const STOPPED_MS = 2_000;

/**
 * A lost answer puts off no deadline: once the container is seen to have started, all the time since the request counts as run. A stop does not break the
 * start off, for it may take effect all the same.
 *
 * @throws the engine's error when the container was not started for another reason than its entry point or its mounts.
 */
export async function startContainer({ engine, stop, runMs }: StartOptions, id: string): Promise<Start> {
  const settled = new AbortController();
  const sentAt = performance.now();
  const hasStarted = async (): Promise<boolean> => {
    try {
      const look = async (signal: AbortSignal) => engine.containers.inspect(id, { signal });
      return (await engineCall('inspect', settled.signal, look, LOOK_MS))?.startedAt != null;
    } catch {
      return false;
    }
  };
  const started = (): Start => ({ outcome: 'started', ranMs: performance.now() - sentAt });
  const answered = async (): Promise<Start> => {
    try {
      await engineCall('start', settled.signal, (signal) => engine.containers.start(id, { signal }));
      return { outcome: 'started', ranMs: 0 };
    } catch (error) {
      const { details = {}, message = '' } = JobRuntimeError.isInstance(error) ? error : {};
      const { exitCode } = details;
      if (exitCode === 126 || exitCode === 127) return { outcome: 'refused', exitCode, words: message };
      // Only the answer may have been lost: a container that really runs goes on.
      if (!settled.signal.aborted && (await hasStarted())) return started();
      throw error;
    }
  };
  const seen = async (): Promise<Start> => {
    do await pause(LOOK_EVERY_MS, settled.signal);
    while (!settled.signal.aborted && !(await hasStarted()));
    return started();
  };
  const stopped = async (): Promise<Start> => {
    await aborted(stop.signal, settled.signal);
    await pause(STOPPED_MS, settled.signal);
    return { outcome: 'unknown' };
  };
  const deadline = setTimeout(
    () => {
      const message = `was not seen to start within its timeout of ${String(runMs)} ms`;
      stop.stop({ reason: 'timed_out', by: 'deadline', message });
    },
    Math.min(runMs + STARTING_MS, LONGEST_TIMER_MS),
  );
  try {
    return await Promise.race([answered(), seen(), stopped()]);
  } finally {
    clearTimeout(deadline);
    settled.abort(NO_LONGER_WANTED);
  }
}
