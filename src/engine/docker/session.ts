/** A transport with typed errors: every failure of a call becomes a `JobRuntimeError` that says what was tried, and where. */
import type { ErrorCodeOf } from '../../error-codes.js';
import type { CallOptions } from '../types.js';
import type { DockerClient } from './client.js';
import { toEngineError } from './errors.js';
import type { Transport } from './transport.js';

/** What a status means for one call, where it is not what it usually means. */
type StatusMeanings = Readonly<Record<number, ErrorCodeOf<'engine'>>>;

/** One engine, as the rest of the adapter talks to it. */
export interface Session {
  readonly transport: Transport;
  /** Runs any work; a failure is typed, an abort rejects with the signal's reason. */
  attempt<T>(
    options: CallOptions | undefined,
    doing: string,
    work: () => Promise<T>,
    meanings?: StatusMeanings,
  ): Promise<T>;
  /** One call through dockerode, typed as `attempt` does. */
  call<T>(
    options: CallOptions | undefined,
    doing: string,
    use: (docker: DockerClient) => Promise<T>,
    meanings?: StatusMeanings,
  ): Promise<T>;
}

/** Makes the session for an engine at `host` (for messages only). */
export function createSession(transport: Transport, host: string): Session {
  const attempt: Session['attempt'] = async (options, doing, work, meanings) => {
    try {
      return await work();
    } catch (cause) {
      options?.signal?.throwIfAborted();
      throw toEngineError(cause, { doing, host }, meanings);
    }
  };
  return {
    transport,
    attempt,
    call: (options, doing, use, meanings) =>
      attempt(options, doing, () => transport.call(options, use), meanings),
  };
}
