/** Turns what callers give as a sink (a Node stream or a web stream) into one function with back-pressure. */
import type { Writable } from 'node:stream';
import type { OutputSink } from './output.js';

/** Where a caller wants a stream's complete, redacted bytes. It is never ended: that is left to the caller. */
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
  let isReported = false;
  let isOver = false;
  let underWay = 0;
  let settled = (): void => undefined;
  // Without a listener an error of the target would end the caller's process.
  const onError = (error: Error): void => {
    failure ??= error;
    isReported = true;
    if (isOver) target.off('error', onError);
    settled();
  };
  target.on('error', onError);
  const onTaken = (error: Error | null | undefined): void => {
    underWay -= 1;
    failure ??= error ?? null;
    if (underWay === 0 || failure !== null) settled();
  };
  const write = async (bytes: Uint8Array): Promise<void> => {
    if (failure !== null) throw failure;
    if (target.destroyed || target.writableEnded) throw new Error('the sink is closed');
    underWay += 1;
    if (!target.write(bytes, onTaken)) await drained(target);
  };
  const end = async (): Promise<void> => {
    isOver = true;
    if (underWay > 0 && failure === null) await new Promise<void>((resolve) => (settled = resolve));
    // A write that failed is followed by the event.
    if (failure === null || isReported) target.off('error', onError);
    if (failure !== null) throw failure;
  };
  return Object.assign(write, { end });
}

async function drained(target: Writable): Promise<void> {
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
}
