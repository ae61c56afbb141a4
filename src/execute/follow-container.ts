/** Follows a container that runs to its end: its output, its deadlines, a stop, and the last truth about it. It creates, starts and removes none. */
import type { ContainerEngine, ContainerInfo } from '../engine/types.js';
import type { Usage } from '../result.js';
import { askEngine } from './ask-engine.js';
import { aborted } from './deadline.js';
import { engineCall } from './engine-call.js';
import { createEngineContact, type EngineContact } from './engine-contact.js';
import type { Listening } from './listening.js';
import { endedEarly } from './pump-streams.js';
import type { SightingFact } from './sighting.js';
import { wasSignaled } from './signals.js';
import type { RecordedStop, StopSource } from './stop.js';
import { stopContainer } from './stop-container.js';
import { watchContainer } from './watch-container.js';
import { watchIdle } from './watch-idle.js';
import { watchUsage } from './watch-usage.js';

/** What following needs. */
export interface FollowOptions {
  readonly engine: ContainerEngine;
  readonly stop: StopSource;
  readonly stopSignal: string;
  /** From the start to the end; then the run is stopped as `timed_out`. */
  readonly runMs: number;
  /** How much of that is over already. */
  readonly ranMs: number;
  /** Without output; then the run is stopped as `idle_timed_out`. Null: for ever. */
  readonly idleOutputMs: number | null;
  /** From the stop signal to SIGKILL. A job that fills the disk gets none. */
  readonly stopGraceMs: number;
  /** Hears at once what bears on who ended the container. */
  readonly onSighting: (fact: SightingFact) => void;
  readonly onWarning: (message: string) => void;
}

/** How the container ended, before anything is concluded from it. */
export interface Ending {
  /** What had it stopped before its end was known; null if nothing had. */
  readonly stop: RecordedStop | null;
  /** Null when the container was gone. */
  readonly info: ContainerInfo | null;
  /** 126 or 127 when the engine refused to start it; null otherwise. */
  readonly startExitCode: number | null;
  readonly logsComplete: boolean;
  /** Null when the engine told nothing, or the container ended before it was asked. */
  readonly usage: Usage | null;
}

/** (end | deadline | stop) → drain. A stop is carried out (signal, grace, SIGKILL), and the ending returned. */
export async function followContainer(
  options: FollowOptions,
  id: string,
  listening: Listening,
): Promise<Ending> {
  const { engine, stop, runMs, ranMs, idleOutputMs } = options;
  const contact = createEngineContact(options.onSighting);
  const watch = watchContainer(engine, id, contact);
  const usage = watchUsage(engine, id);
  const outputLost = endedEarly(engine, id, listening.firstEnded, { containerEnded: watch.ended, contact });
  const deadline = setTimeout(
    () => {
      const message = `exceeded its timeout of ${String(runMs)} ms`;
      stop.stop({ reason: 'timed_out', by: 'deadline', message });
    },
    Math.max(0, runMs - ranMs),
  );
  const onIdle = (): void => {
    const message = `wrote no output for ${String(idleOutputMs)} ms`;
    stop.stop({ reason: 'idle_timed_out', by: 'deadline', message });
  };
  const idle = watchIdle(idleOutputMs, onIdle, listening);
  listening.begin(idle);
  if (idleOutputMs !== null) void outputLost.then((isLost) => isLost && listening.listenHarder());
  let cause: RecordedStop | null;
  let used: Usage | null;
  try {
    await Promise.race([watch.ended, aborted(stop.signal)]);
    // A stop that comes from here on finds a container that has ended by itself.
    ({ cause } = stop);
    if (cause !== null) {
      usage.look();
      // What a job writes during its grace would come on top of what is too much already.
      const isTooMuch = ['disk_limit_exceeded', 'evicted', 'output_limit_exceeded'].includes(cause.reason);
      const stopGraceMs = isTooMuch ? null : options.stopGraceMs;
      await stopContainer({ ...options, stopGraceMs }, id, watch.ended);
    }
  } finally {
    clearTimeout(deadline);
    idle.end();
    watch.abandon();
    used = usage.end();
  }
  const { info } = await watch.ended;
  const wasOutputLost = await outputLost;
  const drained = (await listening.drained()) && !wasOutputLost;
  const last = cause === null ? await explained(options, { id, info, contact, wasOutputLost }) : info;
  const logsComplete = drained && !contact.wasLost;
  return { stop: cause, info: last, startExitCode: null, logsComplete, usage: used };
}

/** What was seen of the end of a container we left alone. */
interface LookedAtEnd {
  readonly id: string;
  readonly info: ContainerInfo | null;
  readonly contact: EngineContact;
  /** Its output ended while it ran. */
  readonly wasOutputLost: boolean;
}

/** The last truth about a container we left alone; where it does not explain the end, the engine is asked what it remembers. */
async function explained(
  { engine, onSighting }: FollowOptions,
  { id, info, contact: { wasLost }, wasOutputLost: outputLost }: LookedAtEnd,
): Promise<ContainerInfo | null> {
  const last = info?.exitCode === 137 ? await lookAgain(engine, info) : info;
  const isGone = last === null || last.status === 'removing';
  if (isGone || wasLost || outputLost || wasSignaled(last.exitCode)) {
    await askEngine(engine, { containerId: id, isGone, engineLost: wasLost, outputLost }, onSighting);
  }
  return last;
}

/** A container that was removed by force is seen as killed for a moment; what it is now tells the two apart. */
async function lookAgain(engine: ContainerEngine, info: ContainerInfo): Promise<ContainerInfo | null> {
  try {
    return await engineCall('inspect', undefined, (signal) => engine.containers.inspect(info.id, { signal }));
  } catch {
    return info;
  }
}
