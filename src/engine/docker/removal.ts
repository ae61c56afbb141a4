/** Removing a container until it is really gone. Not clean-up after a run: nothing else is removed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { oneLine } from '../../base/one-line.js';
import { EngineError } from '../../errors.js';
import type { CallOptions, ContainerInfo } from '../types.js';
import { messageOf, statusOf } from './errors.js';

/** What a removal needs of the engine; both reject with raw failures. */
export interface RemovalCalls {
  /** One request to remove; what it resolves with is the body of the answer. */
  remove(): Promise<unknown>;
  inspect(): Promise<ContainerInfo | null>;
}

/** Bounds of a removal. */
export interface RemovalLimits {
  /** Refusals by the engine (`device or resource busy`, `Dead`) before giving up. */
  readonly refusals: number;
  /** Milliseconds in all, also for a removal that somebody else has under way. */
  readonly deadlineMs: number;
  /** The first pause; each is twice the one before, up to a second. */
  readonly pauseMs: number;
}

/** Ten refusals as Testcontainers' Ryuk allows; with these pauses that is about six seconds. */
const REMOVAL_LIMITS: RemovalLimits = { refusals: 10, deadlineMs: 60_000, pauseMs: 20 };

/**
 * Asks for the removal and waits until the container is gone. 409 means a removal is under way and is waited for; a refusal of the engine is
 * tried again. A 404, and a success that says anything, may come from something between here and the engine: whether the container is there
 * decides. Everything else passes through raw.
 * @throws `engine.failed` when the engine keeps refusing or the deadline is over.
 */
export async function removeUntilGone(
  id: string,
  calls: RemovalCalls,
  options: CallOptions | undefined,
  limits: RemovalLimits = REMOVAL_LIMITS,
): Promise<void> {
  const start = performance.now();
  let refusals = 0;
  for (let round = 0; ; round += 1) {
    let failure: unknown;
    try {
      const answer = await calls.remove();
      // 204: an engine has nothing to say about what it has removed.
      if (isEmpty(answer)) return;
      failure = new Error('the engine answered, but did not remove it');
    } catch (cause) {
      failure = cause;
      const status = statusOf(failure);
      // Removing is a wish that can be repeated, so a server's error is not final; a client's error is.
      if (status === null || (status !== 404 && status !== 409 && status < 500)) throw failure;
    }
    const status = statusOf(failure);
    if ((status === null || status === 404) && (await calls.inspect()) === null) return;
    if (status !== 409) refusals += 1;
    if (refusals >= limits.refusals || performance.now() - start > limits.deadlineMs) {
      throw new EngineError(
        'engine.failed',
        `Container ${id} could not be removed: ${oneLine(messageOf(failure)) || 'no reason given'}.`,
        { cause: failure, hint: 'Something may still use its files; the engine’s own log says more.' },
      );
    }
    const pause = Math.min(1000, limits.pauseMs * 2 ** Math.min(round, 10));
    await sleep(pause, undefined, { signal: options?.signal });
    if ((await calls.inspect()) === null) return;
  }
}

function isEmpty(body: unknown): boolean {
  const isNothing = body === undefined || body === null || body === '';
  return isNothing || (body instanceof Uint8Array && body.length === 0);
}
