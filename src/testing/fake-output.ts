/** The output of a fake container: a queue with room for a few chunks, like a pipe. */
import type { OutputChunk } from '../engine/types.js';

/** One end writes and waits for room, the other reads to the end. */
export interface FakeOutput {
  /** Rejects once the output was ended. */
  write(chunk: OutputChunk): Promise<void>;
  /** No more will come; the reader gets what is left and then the end. */
  end(): void;
  /** The reader is gone: what is written from now on goes nowhere. */
  detach(): void;
  /** Loses the connections: every reader sees an end at once. */
  cut(): void;
  readonly chunks: AsyncIterable<OutputChunk>;
  /** One more reader, of what is written from now on; it holds nobody up. */
  listen(): FakeListener;
}

/** Who came later. */
interface FakeListener {
  readonly chunks: AsyncIterable<OutputChunk>;
  /** It is gone. */
  readonly detach: () => void;
}

const ROOM = 16;

/** An empty queue. */
export function createFakeOutput(): FakeOutput {
  const queue: OutputChunk[] = [];
  const listeners = new Set<{ readonly hear: (chunk: OutputChunk) => void; readonly detach: () => void }>();
  let ended = false;
  let detached = false;
  let wakers: (() => void)[] = [];
  const changed = (): void => {
    const waiting = wakers;
    wakers = [];
    for (const wake of waiting) wake();
  };
  const change = async (): Promise<void> =>
    new Promise((resolve) => {
      wakers.push(resolve);
    });

  async function* read(): AsyncGenerator<OutputChunk, void, undefined> {
    try {
      for (;;) {
        const chunk = queue.shift();
        if (chunk !== undefined) {
          changed();
          yield chunk;
        } else if (ended || detached) {
          return;
        } else {
          await change();
        }
      }
    } finally {
      detached = true;
      changed();
    }
  }

  return {
    async write(chunk) {
      while (queue.length >= ROOM && !detached && !ended) await change();
      // A job that was ended must not go on writing for ever.
      if (ended) throw Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
      for (const { hear } of listeners) hear({ stream: chunk.stream, bytes: Uint8Array.from(chunk.bytes) });
      if (detached) {
        // Nobody reads, and nothing holds the job up but that others get their turn.
        await new Promise(setImmediate);
        return;
      }
      queue.push({ stream: chunk.stream, bytes: Uint8Array.from(chunk.bytes) });
      changed();
    },
    end() {
      ended = true;
      changed();
    },
    detach() {
      detached = true;
      changed();
    },
    cut() {
      queue.length = 0;
      detached = true;
      for (const { detach } of listeners) detach();
      changed();
    },
    chunks: { [Symbol.asyncIterator]: read },
    listen() {
      const heard: OutputChunk[] = [];
      let isGone = false;
      const detach = (): void => {
        isGone = true;
        listeners.delete(listener);
        changed();
      };
      const listener = {
        hear: (chunk: OutputChunk): void => {
          heard.push(chunk);
          changed();
        },
        detach,
      };
      listeners.add(listener);
      async function* readOn(): AsyncGenerator<OutputChunk, void, undefined> {
        try {
          for (;;) {
            const chunk = heard.shift();
            if (chunk !== undefined) yield chunk;
            else if (ended || isGone) return;
            else await change();
          }
        } finally {
          detach();
        }
      }
      return { chunks: { [Symbol.asyncIterator]: readOn }, detach };
    },
  };
}
