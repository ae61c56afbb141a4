import { describe, expect, it } from 'vitest';
import {
  abortable,
  bytesOf,
  hasOwnChunks,
  interruptible,
  once,
  withOwnChunks,
} from '../../src/host/chunks.js';
import { noSignal } from './scratch.js';

const hanging: AsyncIterable<Uint8Array> = {
  [Symbol.asyncIterator]: () => ({
    next: () => new Promise(() => undefined),
    return: () => new Promise(() => undefined),
  }),
};

const drain = async (source: AsyncIterable<Uint8Array>): Promise<number> => {
  let total = 0;
  for await (const chunk of source) total += chunk.byteLength;
  return total;
};

describe('streams that can be ended', () => {
  it('ends a source that hangs in next and in return', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const drained = drain(interruptible(hanging, controller.signal));
    setImmediate(() => {
      controller.abort(reason);
    });
    await expect(drained).rejects.toBe(reason);
  });

  it('breaking off lets the source go and does not wait for it', async () => {
    let released = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield await Promise.resolve(new Uint8Array(1));
      } finally {
        released = true;
      }
    }
    for await (const chunk of interruptible(source(), noSignal())) {
      expect(chunk.byteLength).toBe(1);
      break;
    }
    await new Promise(setImmediate);
    expect(released).toBe(true);
  });

  it('swallows a source that fails to be let go', async () => {
    const source: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.resolve({ done: false, value: new Uint8Array(1) }),
        return: () => Promise.reject(new Error('no')),
      }),
    };
    let given = 0;
    for await (const chunk of interruptible(source, noSignal())) {
      given += chunk.byteLength;
      break;
    }
    await new Promise(setImmediate);
    expect(given).toBe(1);
  });

  it('refuses what is not bytes', async () => {
    async function* source(): AsyncGenerator {
      yield await Promise.resolve('text');
    }
    await expect(drain(bytesOf(source(), noSignal()))).rejects.toThrow(
      'expected bytes but the source gave a string',
    );
  });

  it('an aborted signal wins over work that is done, and over work that never is', async () => {
    const signal = AbortSignal.abort('stop');
    await expect(abortable(new Promise(() => undefined), signal)).rejects.toBe('stop');
    await expect(abortable(Promise.resolve(1), signal)).rejects.toBe('stop');
    await expect(abortable(Promise.reject(new Error('late')), signal)).rejects.toBe('stop');
  });
});

describe('memory of its own for each chunk', () => {
  it('is what only the maker of a stream says of it, and no stream made of it', async () => {
    const source = once(new Uint8Array(1));
    expect(hasOwnChunks(source)).toBe(false);
    expect(withOwnChunks(source)).toBe(source);
    expect(hasOwnChunks(source)).toBe(true);
    const wrapped = interruptible(source, noSignal());
    expect(hasOwnChunks(wrapped)).toBe(false);
    expect(await drain(wrapped)).toBe(1);
    expect(hasOwnChunks(null as unknown as AsyncIterable<unknown>)).toBe(false);
  });
});
