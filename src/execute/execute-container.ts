/** Runs one container from create to its end: the only place that knows the order of calls. It never removes; its caller does. */
import type { ContainerEngine, ContainerInfo, OutputChunk } from '../engine/types.js';
import { JobRuntimeError } from '../errors.js';
import type { ContainerSpec } from '../plan/container-spec.js';
import type { Usage } from '../result.js';
import { askEngine } from './ask-engine.js';
import { attachAttested } from './attest-container.js';
import type { ImageDefaults } from '../plan/attestation.js';
import { engineCall } from './engine-call.js';
import { createEngineContact, type EngineContact } from './engine-contact.js';
import { endedEarly, pumpOutput, pumpStdin } from './pump-streams.js';
import type { SightingFact } from './sighting.js';
import { wasSignaled } from './signals.js';
import type { RecordedStop, StopSource } from './stop.js';
import { stopContainer } from './stop-container.js';
import { watchContainer } from './watch-container.js';
import { type IdleWatch, watchIdle } from './watch-idle.js';
import { watchUsage } from './watch-usage.js';

/** What one execution needs. */
export interface ExecutionOptions {
  readonly engine: ContainerEngine;
  readonly spec: ContainerSpec;
  /** What was inspected under `spec.image`; null: the container is not compared with its specification before its start. */
  readonly attestedImage: ImageDefaults | null;
  readonly stdin: AsyncIterable<Uint8Array> | null;
  readonly stop: StopSource;
  /** From the start to the end; then the run is stopped as `timed_out`. */
  readonly runMs: number;
  /** Without output; then the run is stopped as `idle_timed_out`. Null: for ever. */
  readonly idleOutputMs: number | null;
  /** From the stop signal to SIGKILL. A job that fills the disk gets none. */
  readonly stopGraceMs: number;
  /** Waited for before anything else is done with the container. */
  readonly onCreated: (containerId: string, warnings: readonly string[]) => Promise<void>;
  readonly onStarted: () => void;
  readonly onOutput: (chunk: OutputChunk) => Promise<void>;
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

/**
 * create → attach and attest → start → (end | deadline | stop) → drain. Stopped before its start, a container is never started and this rejects with the
 * stop's signal reason; a stop while it runs is carried out (signal, grace, SIGKILL) and the ending is returned.
 *
 * @throws `policy.violated` when the container is not what was asked for; the engine's error when it could not be created, attached or
 * started for another reason than its entry point.
 */
export async function executeContainer(options: ExecutionOptions): Promise<Ending> {
  const { engine, spec, stop } = options;
  // Neither create nor start is broken off by a stop: both are short, and a call left in the air may still take effect.
  const created = await engineCall('create', undefined, (signal) =>
    engine.containers.create(spec, { signal }),
  );
  await options.onCreated(created.id, created.warnings);
  const attachment = await attachAttested(created.id, {
    engine,
    spec,
    image: options.attestedImage,
    stdin: options.stdin !== null,
    signal: stop.signal,
    onWarning: options.onWarning,
  });
  let idle: IdleWatch | null = null;
  const output = pumpOutput(attachment, async (chunk) => {
    const pass = async (): Promise<void> => options.onOutput(chunk);
    await (idle === null ? pass() : idle.hear(pass));
  });
  try {
    stop.signal.throwIfAborted();
    const startExitCode = await startContainer(engine, created.id);
    if (startExitCode !== null) return await refusedStart(options, created.id, startExitCode);
    options.onStarted();
    void pumpStdin(attachment, options.stdin, options.onWarning);

    const contact = createEngineContact(options.onSighting);
    const watch = watchContainer(engine, created.id, contact);
    const usage = watchUsage(engine, created.id);
    const outputLost = endedEarly(engine, created.id, output.done, { containerEnded: watch.ended, contact });
    const deadline = setTimeout(() => {
      stop.stop({
        reason: 'timed_out',
        by: 'deadline',
        message: `exceeded its timeout of ${String(options.runMs)} ms`,
      });
    }, options.runMs);
    idle = watchIdle(options.idleOutputMs, () => {
      stop.stop({
        reason: 'idle_timed_out',
        by: 'deadline',
        message: `wrote no output for ${String(options.idleOutputMs)} ms`,
      });
    });
    let cause: RecordedStop | null = null;
    let used: Usage | null = null;
    try {
      await Promise.race([watch.ended, aborted(stop.signal)]);
      // A stop that comes from here on finds a container that has ended by itself.
      ({ cause } = stop);
      if (cause !== null) {
        usage.look();
        // What a job writes during its grace would come on top of what is too much already.
        const isTooMuch = ['disk_limit_exceeded', 'output_limit_exceeded'].includes(cause.reason);
        const stopGraceMs = isTooMuch ? null : options.stopGraceMs;
        await stopContainer(
          { ...options, stopGraceMs, stopSignal: spec.stopSignal },
          created.id,
          watch.ended,
        );
      }
    } finally {
      clearTimeout(deadline);
      idle.end();
      watch.abandon();
      used = usage.end();
    }
    const { info } = await watch.ended;
    const drained = (await output.drained()) && !(await outputLost);
    const last = cause === null ? await explained(options, created.id, info, contact) : info;
    const logsComplete = drained && !contact.wasLost;
    return { stop: cause, info: last, startExitCode: null, logsComplete, usage: used };
  } finally {
    attachment.close();
  }
}

/** Null when it started; the exit code when the engine says that the job's entry point is at fault. */
async function startContainer(engine: ContainerEngine, id: string): Promise<number | null> {
  try {
    await engineCall('start', undefined, (signal) => engine.containers.start(id, { signal }));
    return null;
  } catch (error) {
    const exitCode = JobRuntimeError.isInstance(error) ? error.details['exitCode'] : null;
    if (exitCode === 126 || exitCode === 127) return exitCode;
    // Only the answer may have been lost: a container that really runs goes on.
    if (await hasStarted(engine, id)) return null;
    throw error;
  }
}

async function hasStarted(engine: ContainerEngine, id: string): Promise<boolean> {
  try {
    const info = await engineCall('inspect', undefined, (signal) =>
      engine.containers.inspect(id, { signal }),
    );
    return info?.startedAt != null;
  } catch {
    return false;
  }
}

/** The last truth about a container we left alone; where it does not explain the end, the engine is asked what it remembers. */
async function explained(
  { engine, onSighting }: ExecutionOptions,
  id: string,
  info: ContainerInfo | null,
  { wasLost }: EngineContact,
): Promise<ContainerInfo | null> {
  const last = info?.exitCode === 137 ? await lookAgain(engine, info) : info;
  const isGone = last === null || last.status === 'removing';
  if (isGone || wasLost || wasSignaled(last.exitCode)) {
    await askEngine(engine, { containerId: id, isGone, engineLost: wasLost }, onSighting);
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

async function refusedStart(
  { engine, stop }: ExecutionOptions,
  id: string,
  startExitCode: number,
): Promise<Ending> {
  const info = await engineCall('inspect', undefined, (signal) => engine.containers.inspect(id, { signal }));
  return { stop: stop.cause, info, startExitCode, logsComplete: true, usage: null };
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener(
      'abort',
      () => {
        resolve();
      },
      { once: true },
    );
  });
}
