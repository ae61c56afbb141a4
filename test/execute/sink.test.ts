/** What callers give as a sink holds the output back while it is busy, and says so when it fails or is closed; it is never ended. */
import { once } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { toOutputSink } from '../../src/execute/sink.js';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const isPending = async (promise: Promise<unknown>): Promise<boolean> => {
  const pending = Symbol('pending');
  await new Promise((resolve) => setImmediate(resolve));
  return (await Promise.race([promise, Promise.resolve(pending)])) === pending;
};

describe('a Node stream as a sink', () => {
  it('takes bytes at once while it has room, and is not ended', async () => {
    const target = new PassThrough();
    const sink = toOutputSink(target);
    await sink(bytes('one '));
    await sink(bytes('two'));
    expect(target.read()).toEqual(Buffer.from('one two'));
    expect(target.writableEnded).toBe(false);
  });

  it('holds the output back while it is full, and lets go of its listeners', async () => {
    const target = new PassThrough({ highWaterMark: 1 });
    const listening = (): readonly number[] =>
      ['drain', 'close', 'error'].map((event) => target.listenerCount(event));
    const sink = toOutputSink(target);
    const before = listening();
    const writing = Promise.resolve(sink(bytes('more than it holds')));
    expect(await isPending(writing)).toBe(true);
    target.resume();
    await writing;
    expect(listening()).toEqual(before);
  });

  it.each([
    ['fails', (target: Writable) => target.destroy(new Error('no more room')), 'no more room'],
    ['is closed', (target: Writable) => target.destroy(), 'the sink is closed'],
  ] as const)('rejects what it holds back when it %s', async (_, end, problem) => {
    const target = new Writable({ highWaterMark: 1, write: () => undefined });
    const sink = toOutputSink(target);
    const writing = Promise.resolve(sink(bytes('more than it holds')));
    end(target);
    await expect(writing).rejects.toThrow(problem);
  });

  it('rejects everything after it has failed, and does not end the process by it', async () => {
    const target = new PassThrough();
    const sink = toOutputSink(target);
    await sink(bytes('a'));
    target.destroy(new Error('no more room'));
    await new Promise((resolve) => setImmediate(resolve));
    await expect(sink(bytes('b'))).rejects.toThrow('no more room');
  });

  it.each([
    ['ended', (target: Writable) => target.end()],
    ['destroyed', (target: Writable) => target.destroy()],
  ] as const)('rejects where its caller has %s it', async (_, end) => {
    const target = new PassThrough();
    end(target);
    await expect(toOutputSink(target)(bytes('a'))).rejects.toThrow('the sink is closed');
  });

  it('is let go of at the end, when it has taken everything', async () => {
    let take = (): void => undefined;
    const target = new Writable({ write: (_chunk, _encoding, done) => void (take = done) });
    const sink = toOutputSink(target);
    await sink(bytes('a'));
    const ending = Promise.resolve(sink.end?.());
    expect(await isPending(ending)).toBe(true);
    expect(target.listenerCount('error')).toBe(1);
    take();
    await ending;
    expect(target.listenerCount('error')).toBe(0);
  });

  it('says at the end what befell the last piece, and lets go of it when it has said so itself', async () => {
    let failed: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => (failed = resolve));
    const target = new Writable({
      write: (_chunk, _encoding, done) => void setImmediate(done, new Error('no more room')),
      // As one that closes its file first: the event comes after the answer.
      destroy: (error, done) => void setImmediate(done, error),
    });
    target.on('close', failed);
    const sink = toOutputSink(target);
    await sink(bytes('a'));
    await expect(sink.end?.()).rejects.toThrow('no more room');
    await closed;
    expect(target.listenerCount('error')).toBe(0);
  });

  it('that was never written to, or failed in the middle, is let go of, too', async () => {
    const target = new Writable({
      autoDestroy: false,
      write: (_chunk, _encoding, done) => void setImmediate(done, new Error('no more room')),
    });
    await toOutputSink(target).end?.();
    expect(target.listenerCount('error')).toBe(0);
    const sink = toOutputSink(target);
    await sink(bytes('a'));
    await once(target, 'error');
    await expect(sink(bytes('b'))).rejects.toThrow('no more room');
    await expect(sink.end?.()).rejects.toThrow('no more room');
    expect(target.listenerCount('error')).toBe(0);
  });
});

describe('a web stream as a sink', () => {
  it('takes bytes as the stream does, and leaves it to its caller between two pieces', async () => {
    const taken: string[] = [];
    const target = new WritableStream<Uint8Array>({
      write: (chunk) => void taken.push(Buffer.from(chunk).toString()),
    });
    const sink = toOutputSink(target);
    await sink(bytes('one'));
    expect(target.locked).toBe(false);
    await sink(bytes('two'));
    expect(taken).toEqual(['one', 'two']);
    await target.close();
  });

  it('waits until the stream is ready for more', async () => {
    let take = (): void => undefined;
    const target = new WritableStream<Uint8Array>({
      write: async () => new Promise((resolve) => (take = resolve)),
    });
    const writing = Promise.resolve(toOutputSink(target)(bytes('a')));
    expect(await isPending(writing)).toBe(true);
    take();
    await writing;
  });

  it('rejects when the stream fails, and lets go of it', async () => {
    const target = new WritableStream<Uint8Array>({
      write: () => {
        throw new Error('no more room');
      },
    });
    await expect(toOutputSink(target)(bytes('a'))).rejects.toThrow('no more room');
    expect(target.locked).toBe(false);
  });
});
