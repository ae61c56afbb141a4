/** An attached container: upgraded connections as output and standard input. Not the requests that make them. */
import type { Duplex } from 'node:stream';
import { EngineError } from '../../errors.js';
import type { Attachment, OutputChunk } from '../types.js';
import { demux } from './demux.js';

/** Yields what arrives until it ends, however it ends: an end says nothing about the container, so neither does an error. */
async function* readSocket(socket: Duplex): AsyncGenerator<Uint8Array> {
  try {
    yield* socket as AsyncIterable<Uint8Array>;
  } catch {
    // A lost connection is an end like any other; a frame it cuts is noticed by whoever takes frames apart.
  }
}

const noLongerRead = (cause?: unknown): EngineError =>
  new EngineError('engine.failed', 'The container no longer reads its standard input.', { cause });

const createStdin = (socket: Duplex): NonNullable<Attachment['stdin']> => ({
  // Resolved by the socket once the bytes are out of our hands: that is the back-pressure.
  write: (bytes) =>
    new Promise((resolve, reject) => {
      if (!socket.writable) {
        reject(noLongerRead());
        return;
      }
      socket.write(bytes, (cause) => {
        if (cause) reject(noLongerRead(cause));
        else resolve();
      });
    }),
  end: () =>
    new Promise((resolve, reject) => {
      if (!socket.writable) {
        resolve();
        return;
      }
      socket.end((cause?: Error | null) => {
        if (cause) reject(noLongerRead(cause));
        else resolve();
      });
    }),
});

/** The connections of one attachment; errors on them have a listener already. */
export interface AttachedSockets {
  readonly output: Duplex;
  /**
   * A connection of its own: as soon as a write fails, node drops what the socket has received but not delivered. Where an engine
   * hangs up on a job that ended without reading its input, the end of the output would go with it.
   */
  readonly stdin: Duplex | null;
}

/**
 * Wraps raw connections to a container. They are node's own sockets, not docker-modem's duplex, which takes every write at once and
 * destroys the connection when standard input ends. Leaving the loop over `output` early closes the attachment.
 */
export function createAttachment(sockets: AttachedSockets): Attachment {
  const { output, stdin } = sockets;
  // An object, because it changes while a chunk is awaited.
  const state = { closed: false };
  const letGo = () => {
    output.destroy();
    stdin?.destroy();
  };
  // Nothing arrives there but the end, which has to be read to be noticed.
  stdin?.resume();

  async function* readOutput(): AsyncGenerator<OutputChunk, void, undefined> {
    try {
      yield* demux(readSocket(output));
    } catch (cause) {
      // What close() cuts is not a broken stream.
      if (!state.closed) throw cause;
    } finally {
      letGo();
    }
  }

  return {
    output: readOutput(),
    stdin: stdin === null ? null : createStdin(stdin),
    close() {
      state.closed = true;
      letGo();
    },
  };
}
