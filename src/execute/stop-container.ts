/** Ends a container that goes on: politely, by force, and at last by removing it. It decides nothing. */
import type { ContainerEngine } from '../engine/types.js';
import { pause } from './deadline.js';
import { engineCall } from './engine-call.js';
import type { SightingFact } from './sighting.js';

/** After SIGKILL the engine gets this long before the container is counted as stuck. */
const KILL_MS = 10_000;

/** How a container is stopped, and who hears of it. */
export interface StopContainerOptions {
  readonly engine: ContainerEngine;
  readonly stopSignal: string;
  /** From the stop signal to SIGKILL; null: SIGKILL at once. */
  readonly stopGraceMs: number | null;
  readonly onSighting: (fact: SightingFact) => void;
  readonly onWarning: (message: string) => void;
}

/** Signal and grace unless there is none, SIGKILL, and then removal by force as the last means; settles when `ended` does, or when there is nothing left to try. */
export async function stopContainer(
  options: StopContainerOptions,
  id: string,
  ended: Promise<unknown>,
): Promise<void> {
  const { engine, onSighting } = options;
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
      onSighting({ kind: 'signal_sent', signal });
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      options.onWarning(`could not send ${signal}: ${problem}`);
    }
  };
  if (options.stopGraceMs !== null) {
    await send(options.stopSignal);
    if (await endsWithin(options.stopGraceMs)) return;
  }
  await send('SIGKILL');
  if (await endsWithin(KILL_MS)) return;
  options.onWarning('the container did not end after SIGKILL; it is removed by force');
  try {
    await engineCall('remove', undefined, (signal) => engine.containers.remove(id, { signal }));
    onSighting({ kind: 'removed_by_force' });
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    options.onWarning(`could not remove the container by force: ${problem}`);
  }
  await endsWithin(KILL_MS);
}
