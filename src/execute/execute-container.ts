/** Runs one container from create to its end: the only place that knows the order of calls. It never removes; its caller does. */
import type { OutputChunk } from '../engine/types.js';
import type { ContainerSpec } from '../plan/container-spec.js';
import { attachAttested } from './attest-container.js';
import type { ImageDefaults } from '../plan/attestation.js';
import { createContainer, type Leaving } from './create-container.js';
import { engineCall } from './engine-call.js';
import { type Ending, followContainer, type FollowOptions } from './follow-container.js';
import { listenTo } from './listening.js';
import { pumpStdin } from './pump-streams.js';
import { type Start, startContainer } from './start-container.js';

/** What one execution needs. */
export interface ExecutionOptions extends Omit<FollowOptions, 'ranMs' | 'stopSignal'> {
  readonly spec: ContainerSpec;
  /** What was inspected under `spec.image`; null: the container is not compared with its specification before its start. */
  readonly attestedImage: ImageDefaults | null;
  readonly stdin: AsyncIterable<Uint8Array> | null;
  /** For an engine that does not answer the creation; null: it is waited for when the run is stopped, too. */
  readonly leaving: Leaving | null;
  /** Waited for before anything else is done with the container. */
  readonly onCreated: (containerId: string, warnings: readonly string[]) => Promise<void>;
  /** `ranMs`: for how long it may have run already. */
  readonly onStarted: (ranMs: number) => void;
  readonly onOutput: (chunk: OutputChunk) => Promise<void>;
}

/**
 * create → attach and attest → start → (end | deadline | stop) → drain. Stopped before its start, a container is never started and this rejects with the
 * stop's signal reason; a stop while it runs is carried out (signal, grace, SIGKILL) and the ending is returned. Standard input that breaks off is a stop by
 * the caller whose it is: what a job makes of half of it is no success.
 *
 * @throws `policy.violated` when the container is not what was asked for; the engine's error when it could not be created, attached or
 * started for another reason than its entry point or its mounts.
 */
export async function executeContainer(options: ExecutionOptions): Promise<Ending> {
  const { engine, spec, stop, leaving } = options;
  // Neither create nor start is broken off by a stop: both are short, and a call left in the air may still take effect.
  const created = await createContainer({ engine, spec, signal: stop.signal, leaving });
  await options.onCreated(created.id, created.warnings);
  const attachment = await attachAttested(created.id, {
    engine,
    spec,
    image: options.attestedImage,
    stdin: options.stdin !== null,
    signal: stop.signal,
    onWarning: options.onWarning,
  });
  // A short job may have said all it has to say before the engine answers: nobody hears of that before hearing that it runs.
  let answered = (): void => undefined;
  const begun = new Promise<void>((resolve) => (answered = resolve));
  const onOutput = async (chunk: OutputChunk): Promise<void> => {
    await begun;
    await options.onOutput(chunk);
  };
  const listening = listenTo({ ...options, onOutput }, created.id, attachment);
  let isOver = false;
  const onBrokenInput = (problem: string): void => {
    // Of a job that ended before nobody knows that it wanted more.
    if (isOver) return;
    stop.stop({ reason: 'cancelled', by: 'caller', message: `its standard input broke off: ${problem}` });
  };
  try {
    stop.signal.throwIfAborted();
    const start = await startContainer(options, created.id);
    if (start.outcome === 'refused') return await refusedStart(options, created.id, start);
    // What may have started is stopped like what has.
    const ranMs = start.outcome === 'started' ? start.ranMs : 0;
    if (start.outcome === 'started') {
      options.onStarted(ranMs);
      void pumpStdin(attachment, options.stdin, onBrokenInput);
    }
    answered();
    const following = { ...options, stopSignal: spec.stopSignal, ranMs };
    return await followContainer(following, created.id, listening);
  } finally {
    isOver = true;
    answered();
    listening.close();
  }
}

async function refusedStart(
  { engine, stop }: ExecutionOptions,
  id: string,
  { exitCode: startExitCode, words }: Extract<Start, { outcome: 'refused' }>,
): Promise<Ending> {
  const seen = await engineCall('inspect', undefined, (signal) => engine.containers.inspect(id, { signal }));
  // Not every engine writes down why a start failed.
  const info = seen?.error === '' ? { ...seen, error: words } : seen;
  return { stop: stop.cause, info, startExitCode, logsComplete: true, usage: null };
}
