/** Makes a container, and waits for it no longer than a run that is to end can wait. It removes none. */
import type { ContainerEngine } from '../engine/types.js';
import type { ContainerSpec } from '../plan/container-spec.js';
import { aborted, NO_LONGER_WANTED, pause } from './deadline.js';
import { engineCall } from './engine-call.js';

type Created = Awaited<ReturnType<ContainerEngine['containers']['create']>>;

/** How a creation is left that is not answered. */
export interface Leaving {
  /** How long it is still waited for when its run is to end. */
  readonly afterMs: number;
  /** Told what it comes to, which is known within the time of a call: the container may be there then. */
  readonly told: (answer: Promise<Pick<Created, 'id'>>) => void;
}

/** What is made. */
export interface Creation {
  readonly engine: ContainerEngine;
  readonly spec: ContainerSpec;
  /** Aborted when its run is to end. */
  readonly signal: AbortSignal;
  /** Null: it is waited for in any case. */
  readonly leaving: Leaving | null;
}

/**
 * Asks for the container. A creation is never broken off: one that is left in the air may still take effect.
 *
 * @throws the engine's error; the signal's reason when it is left, or was never asked for.
 */
export async function createContainer({ engine, spec, signal, leaving }: Creation): Promise<Created> {
  signal.throwIfAborted();
  const answer = engineCall('create', undefined, async (call) =>
    engine.containers.create(spec, { signal: call }),
  );
  if (leaving === null) return answer;
  // Nobody may be waiting for it any more when it fails.
  answer.catch(() => undefined);
  const over = new AbortController();
  const patience = async (): Promise<null> => {
    await aborted(signal, over.signal);
    await pause(leaving.afterMs, over.signal);
    return null;
  };
  try {
    const created = await Promise.race([answer, patience()]);
    if (created !== null) return created;
  } finally {
    over.abort(NO_LONGER_WANTED);
  }
  leaving.told(answer);
  throw signal.reason;
}
