/** Turns what callers give as a sink (a Node stream or a web stream) into one function with back-pressure. */
import type { Writable } from 'node:stream';
import type { OutputSink } from './output.js';

/** Where a caller wants a stream's complete, redacted bytes. */
export type SinkTarget = Writable | WritableStream<Uint8Array>;

/** A sink that settles when the target took the bytes. It never ends the target: it belongs to the caller. */
export function toOutputSink(target: SinkTarget): OutputSink {
  return 'getWriter' in target ? webSink(target) : nodeSink(target);
}

function webSink(target: WritableStream<Uint8Array>): OutputSink {
  return async (bytes) => {
    const writer = target.getWriter();
    try {
      await writer.ready;
      await writer.write(bytes);
    } finally {
      writer.releaseLock();
    }
  };
}

function nodeSink(target: Writable): OutputSink {
  let failure: Error | null = null;
  // Without a listener an error of the target would end the caller's process.
  target.on('error', (error) => {
    failure = error;
  });
  return async (bytes) => {
    if (failure !== null) throw failure;
    if (target.destroyed || target.writableEnded) throw new Error('the sink is closed');
    if (target.write(bytes)) return;
    await new Promise<void>((resolve, reject) => {
      const settle = (error?: Error): void => {
        target.off('drain', settle);
        target.off('close', onClose);
        target.off('error', settle);
        if (error === undefined) resolve();
        else reject(error);
      };
      const onClose = (): void => {
        settle(new Error('the sink is closed'));
      };
      target.on('drain', settle);
      target.on('close', onClose);
      target.on('error', settle);
    });
  };
}
