/** Ends a container that goes on: politely, by force, and at last by removing it. It decides nothing. */
import type { ContainerEngine } from '../engine/types.js';
import { NO_LONGER_WANTED, within } from './deadline.js';
import { engineCall } from './engine-call.js';
import { ANSWER_MS, sendSignal } from './send-signal.js';
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

/**
 * Signal and grace unless there is none, SIGKILL, and then removal by force as the last means; settles when `ended` does, or when there is nothing left to try.
 * An engine that does not answer puts off none of them by more than a moment.
 */
export async function stopContainer(
  options: StopContainerOptions,
  id: string,
  ended: Promise<unknown>,
): Promise<void> {
  const { engine, onSighting, onWarning } = options;
  const endsWithin = async (milliseconds: number): Promise<boolean> =>
    (await within(
      milliseconds,
      ended.then(() => true),
    )) ?? false;
  const endsBy = async (signal: string, milliseconds: number): Promise<boolean> => {
    const over = new AbortController();
    const isHarmless = signal === 'SIGKILL';
    const sending = sendSignal({ engine, id, signal, isHarmless }, over.signal).then((sent) => {
      if (sent.outcome === 'taken') onSighting({ kind: 'signal_sent', signal });
      if (sent.outcome === 'refused') onWarning(`could not send ${signal}: ${sent.problem}`);
      return sent;
    });
    await within(ANSWER_MS, Promise.race([sending, ended]));
    const hasEnded = await endsWithin(milliseconds);
    over.abort(NO_LONGER_WANTED);
    const sent = await sending;
    if (sent.outcome === 'unanswered') {
      // Engines may answer SIGKILL after the end it brings, which then is known first.
      if (hasEnded && sent.problem === null) onSighting({ kind: 'signal_sent', signal });
      else onWarning(`could not send ${signal}: ${sent.problem ?? 'the engine did not answer'}`);
    }
    return hasEnded;
  };
  if (options.stopGraceMs !== null && (await endsBy(options.stopSignal, options.stopGraceMs))) return;
  if (await endsBy('SIGKILL', KILL_MS)) return;
  onWarning('the container did not end after SIGKILL; it is removed by force');
  const over = new AbortController();
  const removing = engineCall('remove', over.signal, (signal) =>
    engine.containers.remove(id, { signal }),
  ).then(
    () => {
      onSighting({ kind: 'removed_by_force' });
    },
    (error: unknown) => {
      const problem = error instanceof Error ? error.message : String(error);
      if (!over.signal.aborted) onWarning(`could not remove the container by force: ${problem}`);
    },
  );
  await Promise.race([removing, ended]);
  await within(ANSWER_MS, removing);
  over.abort(NO_LONGER_WANTED);
  await endsWithin(KILL_MS);
}
