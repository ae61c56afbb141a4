/** Runs one container from create to its end: the only place that knows the order of calls. It never removes; its caller does. */
import type { Attachment, ContainerEngine, ContainerInfo, OutputChunk } from '../engine/types.js';
import { JobRuntimeError } from '../errors.js';
import type { ContainerSpec } from '../plan/container-spec.js';
import type { Usage } from '../result.js';
import { attachAttested } from './attest-container.js';
import type { ImageDefaults } from '../plan/attestation.js';
import { pause } from './deadline.js';
import { engineCall } from './engine-call.js';
import type { StopSource } from './stop.js';
import { watchContainer } from './watch-container.js';
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
  /** From the stop signal to SIGKILL. */
  readonly stopGraceMs: number;
  readonly onCreated: (containerId: string, warnings: readonly string[]) => void;
  readonly onStarted: () => void;
  readonly onOutput: (chunk: OutputChunk) => Promise<void>;
  readonly onWarning: (message: string) => void;
}

/** How the container ended, before anything is concluded from it. */
export interface Ending {
  /** Null when the container was gone. */
  readonly info: ContainerInfo | null;
  /** 126 or 127 when the engine refused to start it; null otherwise. */
  readonly startExitCode: number | null;
  readonly engineLost: boolean;
  readonly logsComplete: boolean;
  /** Null when the engine told nothing, or the container ended before it was asked. */
  readonly usage: Usage | null;
}

/** How long output may still arrive after the container's end without any progress. */
const DRAIN_MS = 5_000;
/** An ordinary end of the output comes at most this long before the end of its container is known. */
const SETTLE_MS = 250;
/** After SIGKILL the engine gets this long before the container is counted as stuck. */
const KILL_MS = 10_000;

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
  options.onCreated(created.id, created.warnings);
  const attachment = await attachAttested(created.id, {
    engine,
    spec,
    image: options.attestedImage,
    stdin: options.stdin !== null,
    signal: stop.signal,
    onWarning: options.onWarning,
  });
  const output = pumpOutput(attachment, options.onOutput);
  try {
    stop.signal.throwIfAborted();
    const startExitCode = await startContainer(engine, created.id);
    if (startExitCode !== null) return await refusedStart(engine, created.id, startExitCode);
    options.onStarted();
    void pumpStdin(attachment, options.stdin, options.onWarning);

    const watch = watchContainer(engine, created.id);
    const usage = watchUsage(engine, created.id);
    const outputLost = endedEarly(engine, created.id, output.done, watch.ended);
    const deadline = setTimeout(() => {
      stop.stop({
        reason: 'timed_out',
        by: 'deadline',
        message: `exceeded its timeout of ${String(options.runMs)} ms`,
      });
    }, options.runMs);
    let used: Usage | null = null;
    try {
      await Promise.race([watch.ended, aborted(stop.signal)]);
      if (stop.signal.aborted) {
        usage.look();
        await stopContainer(options, created.id, watch.ended);
      }
    } finally {
      clearTimeout(deadline);
      watch.abandon();
      used = usage.end();
    }
    const { info, engineLost } = await watch.ended;
    const drained = (await output.drained()) && !(await outputLost);
    const last = stop.cause === null && info?.exitCode === 137 ? await lookAgain(engine, info) : info;
    return { info: last, startExitCode: null, engineLost, logsComplete: drained && !engineLost, usage: used };
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

/** A container that was removed by force is seen as killed for a moment; what it is now tells the two apart. */
async function lookAgain(engine: ContainerEngine, info: ContainerInfo): Promise<ContainerInfo | null> {
  try {
    return await engineCall('inspect', undefined, (signal) => engine.containers.inspect(info.id, { signal }));
  } catch {
    return info;
  }
}

async function refusedStart(engine: ContainerEngine, id: string, startExitCode: number): Promise<Ending> {
  const info = await engineCall('inspect', undefined, (signal) => engine.containers.inspect(id, { signal }));
  return { info, startExitCode, engineLost: false, logsComplete: true, usage: null };
}

/** Signal, grace, SIGKILL, and then removal by force as the last means. */
async function stopContainer(options: ExecutionOptions, id: string, ended: Promise<unknown>): Promise<void> {
  const { engine, spec } = options;
  const endsWithin = async (milliseconds: number): Promise<boolean> => {
    const timeUp = new AbortController();
    try {
      return await Promise.race([
        ended.then(() => true),
        pause(milliseconds, timeUp.signal).then(() => false),
      ]);
    } finally {
      timeUp.abort();
    }
  };
  const send = async (signal: string): Promise<void> => {
    try {
      await engineCall('kill', undefined, (callSignal) =>
        engine.containers.kill(id, signal, { signal: callSignal }),
      );
    } catch (error) {
      options.onWarning(`could not send ${signal}: ${messageOf(error)}`);
    }
  };
  await send(spec.stopSignal);
  if (await endsWithin(options.stopGraceMs)) return;
  await send('SIGKILL');
  if (await endsWithin(KILL_MS)) return;
  options.onWarning('the container did not end after SIGKILL; it is removed by force');
  try {
    await engineCall('remove', undefined, (signal) => engine.containers.remove(id, { signal }));
  } catch (error) {
    options.onWarning(`could not remove the container by force: ${messageOf(error)}`);
  }
  await endsWithin(KILL_MS);
}

async function pumpStdin(
  attachment: Attachment,
  source: AsyncIterable<Uint8Array> | null,
  onWarning: (message: string) => void,
): Promise<void> {
  const { stdin } = attachment;
  if (stdin === null || source === null) return;
  const chunks = source[Symbol.asyncIterator]();
  for (;;) {
    let next: IteratorResult<Uint8Array>;
    try {
      next = await chunks.next();
    } catch (error) {
      onWarning(`standard input ended early: ${messageOf(error)}`);
      break;
    }
    if (next.done === true) break;
    try {
      await stdin.write(next.value);
    } catch {
      // A job that does not read its input is no failure.
      await chunks.return?.().catch(() => undefined);
      return;
    }
  }
  await stdin.end().catch(() => undefined);
}

/** Reads the output to its end. `drained` is false if it broke or stalled after the container's end. */
function pumpOutput(
  attachment: Attachment,
  onOutput: (chunk: OutputChunk) => Promise<void>,
): { readonly done: Promise<boolean>; drained(): Promise<boolean> } {
  let progress = 0;
  const done = (async (): Promise<boolean> => {
    try {
      for await (const chunk of attachment.output) {
        progress += 1;
        await onOutput(chunk);
        progress += 1;
      }
      return true;
    } catch {
      return false;
    }
  })();
  return {
    done,
    async drained() {
      for (;;) {
        const before = progress;
        const timeUp = new AbortController();
        const outcome = await Promise.race([done, pause(DRAIN_MS, timeUp.signal).then(() => null)]);
        timeUp.abort();
        if (outcome !== null) return outcome;
        if (progress === before) return false;
      }
    },
  };
}

/**
 * Whether the output ended while the container went on. A lost connection looks like an ordinary end, and what was written after it is missing; a job
 * that closes its own output looks the same and is counted as such too.
 */
async function endedEarly(
  engine: ContainerEngine,
  id: string,
  outputDone: Promise<unknown>,
  containerEnded: Promise<unknown>,
): Promise<boolean> {
  const over = new AbortController();
  const ended = containerEnded.then(() => {
    over.abort();
  });
  await Promise.race([outputDone, ended]);
  await pause(SETTLE_MS, over.signal);
  if (over.signal.aborted) return false;
  try {
    const info = await engineCall('inspect', undefined, (signal) =>
      engine.containers.inspect(id, { signal }),
    );
    return info?.status === 'running' || info?.status === 'paused';
  } catch {
    return true;
  }
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
