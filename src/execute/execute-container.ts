/** Runs one container from create to its end: the only place that knows the order of calls. It never removes; its caller does. */
import type { ContainerEngine, OutputChunk } from '../engine/types.js';
import { JobRuntimeError } from '../errors.js';
import type { ContainerSpec } from '../plan/container-spec.js';
import { attachAttested } from './attest-container.js';
import type { ImageDefaults } from '../plan/attestation.js';
import { engineCall } from './engine-call.js';
import { type Ending, followContainer, type FollowOptions, listenTo } from './follow-container.js';
import { pumpStdin } from './pump-streams.js';

/** What one execution needs. */
export interface ExecutionOptions extends Omit<FollowOptions, 'ranMs' | 'stopSignal'> {
  readonly spec: ContainerSpec;
  /** What was inspected under `spec.image`; null: the container is not compared with its specification before its start. */
  readonly attestedImage: ImageDefaults | null;
  readonly stdin: AsyncIterable<Uint8Array> | null;
  /** Waited for before anything else is done with the container. */
  readonly onCreated: (containerId: string, warnings: readonly string[]) => Promise<void>;
  readonly onStarted: () => void;
  readonly onOutput: (chunk: OutputChunk) => Promise<void>;
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
  const listening = listenTo(attachment, options.onOutput);
  try {
    stop.signal.throwIfAborted();
    const startExitCode = await startContainer(engine, created.id);
    if (startExitCode !== null) return await refusedStart(options, created.id, startExitCode);
    options.onStarted();
    void pumpStdin(attachment, options.stdin, options.onWarning);
    const following = { ...options, stopSignal: spec.stopSignal, ranMs: 0 };
    return await followContainer(following, created.id, listening);
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

async function refusedStart(
  { engine, stop }: ExecutionOptions,
  id: string,
  startExitCode: number,
): Promise<Ending> {
  const info = await engineCall('inspect', undefined, (signal) => engine.containers.inspect(id, { signal }));
  return { stop: stop.cause, info, startExitCode, logsComplete: true, usage: null };
}
