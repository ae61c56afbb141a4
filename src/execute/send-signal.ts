/** Sends a container a signal so that it arrives although connections may die without a word. What is refused is not tried again. */
import type { ContainerEngine } from '../engine/types.js';
import { JobRuntimeError } from '../errors.js';
import { aborted, within } from './deadline.js';
import { engineCall } from './engine-call.js';

/** An engine that has not answered by then is called again, by another connection. */
export const ANSWER_MS = 1_000;
/** A look may meet a connection that died as well. */
const LOOK_MS = 5_000;

/** What is sent, and to whom. */
export interface SignalOptions {
  readonly engine: ContainerEngine;
  readonly id: string;
  readonly signal: string;
  /**
   * Off: jobs take the second SIGTERM for an order to hurry, so there are two at most, and the second only where the engine answers other calls: a busy one will get
   * to the first.
   */
  readonly isHarmless: boolean;
}

/** What became of it. */
export type Sent =
  | { readonly outcome: 'taken' }
  | { readonly outcome: 'refused'; readonly problem: string }
  /** `problem`: why the engine could not be reached; null: it may have been. */
  | { readonly outcome: 'unanswered'; readonly problem: string | null };

/** Tries until the engine has answered or `over` is aborted. Never rejects. */
export async function sendSignal(
  { engine, id, signal, isHarmless }: SignalOptions,
  over: AbortSignal,
): Promise<Sent> {
  let problem: string | null = null;
  const call = async (): Promise<Sent> => {
    try {
      await engineCall('kill', over, (callSignal) =>
        engine.containers.kill(id, signal, { signal: callSignal }),
      );
      return { outcome: 'taken' };
    } catch (error) {
      if (!over.aborted) {
        problem = error instanceof Error ? error.message : String(error);
        const isUnreachable = JobRuntimeError.isInstance(error) && error.code === 'engine.unreachable';
        if (!isUnreachable) return { outcome: 'refused', problem };
        await aborted(over);
      }
      return { outcome: 'unanswered', problem };
    }
  };
  const answers = async (): Promise<boolean> => {
    const look = async (callSignal: AbortSignal) => engine.containers.inspect(id, { signal: callSignal });
    return engineCall('inspect', over, look, LOOK_MS).then(
      () => true,
      () => false,
    );
  };
  const calls = [call()];
  // More and more seldom: earlier calls stay open, for their answers may only be late.
  for (let waitMs = ANSWER_MS; ; waitMs *= 2) {
    const sent = await within(waitMs, Promise.race(calls));
    if (sent !== null) return sent;
    if (isHarmless || (calls.length === 1 && (await answers()))) calls.push(call());
  }
}
