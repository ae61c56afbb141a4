/** Asks an engine again that failed because a process ended just while it was looked at. Only for calls that change nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallOptions } from '../types.js';
import { messageOf, statusOf } from './errors.js';

/** Before each further try: by then the engine knows of the end. */
const PAUSES_MS = [50, 200, 500] as const;

/** Podman reads `/proc` of a running container's process, and tells what it meets there as its own failure. */
const PROCESS_ENDED = /\bno such process\b|\/proc\/\d+\/\S+: no such file or directory/;

const isPassing = (cause: unknown): boolean =>
  statusOf(cause) === 500 && PROCESS_ENDED.test(messageOf(cause));

/** Does the call, up to four times within a second. Rejects raw: with what the last try met, at once with any other failure, or for an abort. */
export async function askAgain<T>(options: CallOptions | undefined, ask: () => Promise<T>): Promise<T> {
  for (const pause of PAUSES_MS) {
    try {
      return await ask();
    } catch (cause) {
      if (!isPassing(cause)) throw cause;
      await sleep(pause, undefined, { signal: options?.signal });
    }
  }
  return ask();
}
