/** What a stream of ours does when its reader is slow, gone, or broken. */
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { guardStream } from '../../src/cli/output-stream.js';
import { collecting } from './fixture.js';

const failing = (code: string): Writable =>
  new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error(`write ${code}`), { code })),
  });

describe('a reader that went away', () => {
  it('is quiet, and what comes after is dropped', async () => {
    const stream = guardStream(failing('EPIPE'));
    await stream.write('one');
    await stream.write('two');
    stream.sink.write('three');
    stream.sink.end();
    await once(stream.sink, 'finish');
    expect(stream.failure()).toBeNull();
  });
});

describe('a stream that fails otherwise', () => {
  it('is remembered, without an error to anyone', async () => {
    const stream = guardStream(failing('ENOSPC'));
    await stream.write('one');
    await stream.write('two');
    expect(stream.failure()?.message).toBe('write ENOSPC');
  });
});

describe('a slow reader', () => {
  it('holds the sink back', async () => {
    let release = (): void => undefined;
    const slow = new Writable({
      highWaterMark: 1,
      write: (_chunk, _encoding, done) => {
        release = done;
      },
    });
    const { sink } = guardStream(slow);
    expect(sink.write(Buffer.alloc(sink.writableHighWaterMark))).toBe(false);
    let drained = false;
    sink.once('drain', () => (drained = true));
    await new Promise(setImmediate);
    expect(drained).toBe(false);
    const emptied = once(sink, 'drain');
    release();
    await emptied;
  });
});

it('knows whether the last line has ended', async () => {
  const { stream, text } = collecting();
  const guarded = guardStream(stream);
  expect(guarded.takeMidLine()).toBe(false);
  await guarded.write('abc');
  expect(guarded.takeMidLine()).toBe(true);
  expect(guarded.takeMidLine()).toBe(false);
  await guarded.write('abc');
  await guarded.write('d\n');
  await guarded.write('');
  expect(guarded.takeMidLine()).toBe(false);
  expect(text()).toBe('abcabcd\n');
});
