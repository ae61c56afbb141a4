/** Tars on their way to an engine and from it: as the body of a request, and as an answer that outlives its call. */
import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { bytesOf } from '../../host/chunks.js';
import { giveBackChunk } from '../../host/lent-chunks.js';
import type { CallOptions } from '../types.js';
import type { Session } from './session.js';

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
  // Chunk by chunk, one of them read ahead: its memory is given back by its chunks.
  const body = Object.assign(Readable.from(bytesOf(tar, options?.signal ?? new AbortController().signal)), {
    pipe<R extends NodeJS.WritableStream>(request: R): R {
      void pump(body, request as unknown as ClientRequest);
      return request;
    },
  });
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

/** As a pipe does, but that it gives back what the system has taken. A request that comes to nothing is ended by whoever made it. */
async function pump(body: Readable, request: ClientRequest): Promise<void> {
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      const hasRoom = request.write(chunk, (error) => {
        // A socket is done with it; what else there is, as the streams of ssh, may have it in a queue.
        if (error == null && request.socket instanceof Socket) giveBackChunk(chunk);
      });
      // Its failure is told to whoever made it, and the tar is not to blame.
      if (!hasRoom && !(await drained(request))) return;
    }
    request.end();
  } catch {
    // The tar failed: whoever listens to the body knows why.
  }
}

const drained = async (request: ClientRequest): Promise<boolean> =>
  once(request, 'drain').then(
    () => true,
    () => false,
  );

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
