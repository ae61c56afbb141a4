/** Waiting for the end of a container, on a connection of its own. A wake-up only: what happened is for `inspect` to say. */
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '../../errors.js';
import type { CallOptions, ContainerInfo } from '../types.js';
import { statusOf, ConnectionLost } from './errors.js';
import { askAgain } from './passing-failure.js';
import type { Transport } from './transport.js';

type Inspect = (id: string, options: CallOptions | undefined) => Promise<ContainerInfo | null>;

/** Whether a container runs no more, or is gone. */
export const hasEnded = (info: ContainerInfo | null): boolean =>
  info === null || info.status === 'exited' || info.status === 'dead' || info.status === 'removing';

/** How often is looked whether a container is still there that nobody has started. */
const LOOK_MS = 500;

/** Looks until a container is started or gone. */
async function untilNoLongerCreated(
  inspect: Inspect,
  id: string,
  call: CallOptions,
): Promise<'started' | 'gone'> {
  for (;;) {
    await sleep(LOOK_MS, undefined, { ...call, ref: false });
    const info = await inspect(id, call);
    if (info?.status !== 'created') return info === null ? 'gone' : 'started';
  }
}

/** Reads to the end. The code in it is not looked at: for a container that never ran it would be 0. */
const drain = async (response: IncomingMessage): Promise<void> => {
  response.resume();
  await new Promise<void>((resolve, reject) => {
    response.once('error', reject);
    // Always comes, also when the connection dies, which is why dockerode's own wait is not used: that one never settles then.
    response.once('close', () => {
      if (response.complete) resolve();
      else reject(new ConnectionLost());
    });
  });
};

/**
 * The same for a container that is known to have been started, which needs no look: such a one never is as new as before its start. Rejects with the
 * engine's 404 if it is gone when the call is made.
 */
export async function waitForStarted(
  transport: Transport,
  id: string,
  options: CallOptions | undefined,
): Promise<void> {
  await askAgain(options, () =>
    transport.post(options, `/containers/${id}/wait?condition=not-running`, drain),
  );
}

/**
 * Resolves when a container has ended or is gone. Raw failures of the transport pass through.
 *
 * Which condition the engine is given depends on the state, because each is wrong in one: the default one is true at once for a
 * container not started yet, and `next-exit` is never true for one that ended already.
 * @throws `engine.not_found` if there is no such container when the call is made.
 */
export async function waitForEnd(
  transport: Transport,
  inspect: Inspect,
  id: string,
  options: CallOptions | undefined,
): Promise<void> {
  const info = await inspect(id, options);
  if (info === null) throw new EngineError('engine.not_found', `There is no container ${id}.`);
  if (hasEnded(info)) return;
  const created = info.status === 'created';
  const path = `/containers/${id}/wait?condition=${created ? 'next-exit' : 'not-running'}`;
  const over = new AbortController();
  const signals = [over.signal, ...(options?.signal === undefined ? [] : [options.signal])];
  const call = { signal: AbortSignal.any(signals) };
  const dialect = await transport.dialect(options);
  const answered = askAgain(call, () =>
    transport.post(call, path, async (response) => {
      const ended = drain(response);
      // Handled here too, should the look below throw first.
      ended.catch(() => undefined);
      // The engine sends headers once it listens. An end between our look and that moment is seen by looking again.
      if (created && hasEnded(await inspect(id, call))) return;
      await ended;
    }),
  );
  /** Podman answers nobody who waits for a container that is removed before its start. */
  const looked = async (): Promise<void> => {
    if ((await untilNoLongerCreated(inspect, id, call)) === 'started') await answered;
  };
  const ends = [answered, ...(created && dialect === 'podman' ? [looked()] : [])];
  try {
    await Promise.race(ends);
  } catch (cause) {
    options?.signal?.throwIfAborted();
    if (statusOf(cause) !== 404) throw cause;
  } finally {
    over.abort();
    await Promise.allSettled(ends);
  }
}
