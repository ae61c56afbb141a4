/** Standard input of a fake container: what is written can be read until it is closed. */
import { EngineError } from '../errors.js';

/** Both ends of an input. */
export interface FakeStdin {
  write(bytes: Uint8Array): Promise<void>;
  end(): Promise<void>;
  /** The job is over: further writes fail as on a broken pipe. */
  close(): void;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** An open input. */
export function createFakeStdin(): FakeStdin {
  const queue: Uint8Array[] = [];
  let ended = false;
  let closed = false;
  let wake: () => void = () => undefined;

  async function* read(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const chunk = queue.shift();
      if (chunk !== undefined) yield chunk;
      else if (ended || closed) return;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }

  return {
    async write(bytes) {
      await Promise.resolve();
      if (closed || ended) {
        throw new EngineError('engine.failed', 'the container no longer reads its standard input');
      }
      queue.push(Uint8Array.from(bytes));
      wake();
    },
    async end() {
      await Promise.resolve();
      ended = true;
      wake();
    },
    close() {
      closed = true;
      wake();
    },
    bytes: { [Symbol.asyncIterator]: read },
  };
}
