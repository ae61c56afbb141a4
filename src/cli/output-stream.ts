/** Standard output and standard error as the run writes to them: a reader that went away is no failure of the job. */
import { Writable } from 'node:stream';

/** One of our own streams, written to safely. */
export interface OutputStream {
  /** Takes bytes with the back-pressure of the real stream; never fails. */
  readonly sink: Writable;
  /** Writes text of our own. */
  readonly write: (text: string) => Promise<void>;
  /** Whether what was written last did not end its line; asked once, it counts as ended. */
  readonly takeMidLine: () => boolean;
  /** Why bytes were lost, other than by a reader that went away. */
  readonly failure: () => Error | null;
}

const LINE_FEED = 10;

/** Guards a stream: once it fails, what comes after is dropped. */
export function guardStream(target: Writable): OutputStream {
  let failure: Error | null = null;
  let isBroken = false;
  let lastByte = LINE_FEED;
  const breakOff = (error: Error): void => {
    isBroken = true;
    const isReaderGone = 'code' in error && error.code === 'EPIPE';
    if (!isReaderGone) failure ??= error;
  };
  // Without a listener an error would end the process with a stack trace.
  target.on('error', breakOff);
  const put = (chunk: Uint8Array, done: () => void): void => {
    if (isBroken || chunk.length === 0) {
      done();
      return;
    }
    lastByte = chunk.at(-1) ?? lastByte;
    target.write(chunk, (error) => {
      if (error != null && !isBroken) breakOff(error);
      done();
    });
  };
  const sink = new Writable({
    write: (chunk: Uint8Array, _encoding, done) => put(chunk, done),
  });
  return {
    sink,
    write: async (text) => new Promise((resolve) => put(Buffer.from(text), resolve)),
    takeMidLine: () => {
      const isMidLine = lastByte !== LINE_FEED;
      lastByte = LINE_FEED;
      return isMidLine;
    },
    failure: () => failure,
  };
}
