/** Tars on their way to an engine and from it: as the body of a request, and as an answer that outlives its call. */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { CallOptions } from '../types.js';
import type { Session } from './session.js';

/** Read ahead while the engine takes what was read before. */
const AHEAD_BYTES = 1024 * 1024;

/**
 * Makes a call with a tar as its body. A source that fails ends the call, which a pipe would leave waiting for ever, and what it rejected with
 * is what this rejects with.
 */
export async function sendTar<T>(
  tar: AsyncIterable<Uint8Array>,
  options: CallOptions | undefined,
  send: (body: Readable, options: CallOptions) => Promise<T>,
): Promise<T> {
  const source = new AbortController();
  const body = Readable.from(tar, { objectMode: false, highWaterMark: AHEAD_BYTES });
  body.on('error', (cause) => {
    source.abort(cause);
  });
  const signals = [source.signal, ...(options?.signal === undefined ? [] : [options.signal])];
  try {
    return await send(body, { signal: AbortSignal.any(signals) });
  } catch (error) {
    source.signal.throwIfAborted();
    throw error;
  } finally {
    body.destroy();
  }
}

/** The bytes of an answer; its connection is let go of at the end, when the reader breaks off, and when the signal is aborted, read or not. */
export function readTar(
  session: Session,
  response: IncomingMessage,
  doing: string,
  options: CallOptions | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const signal = options?.signal;
  const cut = (): void => void response.destroy();
  signal?.addEventListener('abort', cut, { once: true });
  response.once('close', () => signal?.removeEventListener('abort', cut));
  return chunksOf(session, response, doing, options);
}

async function* chunksOf(
  session: Session,
  response: IncomingMessage,
  doing: string,
  options: CallOptions | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    const chunks = (response as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    for (;;) {
      const next = await session.attempt(options, doing, async () => chunks.next());
      options?.signal?.throwIfAborted();
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    response.destroy();
  }
}
