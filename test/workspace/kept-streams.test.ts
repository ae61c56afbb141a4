/** A caller's stream is read once; each further attempt meets the same bytes, however the last one broke off. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FileContent } from '../../src/workspace/file-content.js';
import { keepStreams } from '../../src/workspace/kept-streams.js';
import { scratch } from '../host/scratch.js';

interface Source {
  readonly stream: AsyncIterable<Uint8Array>;
  /** How many pieces were taken. */
  taken(): number;
  returned(): boolean;
  opened(): number;
}

function sourceOf(pieces: readonly (string | Error)[]): Source {
  let taken = 0;
  let returned = false;
  let opened = 0;
  return {
    taken: () => taken,
    returned: () => returned,
    opened: () => opened,
    stream: {
      async *[Symbol.asyncIterator]() {
        opened += 1;
        try {
          for (const piece of pieces) {
            await Promise.resolve();
            taken += 1;
            if (piece instanceof Error) throw piece;
            yield Buffer.from(piece);
          }
        } finally {
          returned = true;
        }
      },
    },
  };
}

const isStream = (content: FileContent | undefined): content is AsyncIterable<Uint8Array> =>
  typeof content === 'object' && Symbol.asyncIterator in content;

async function keeping(pieces: readonly (string | Error)[], maxStreamBytes = 1000) {
  const source = sourceOf(pieces);
  const kept = keepStreams({ stdin: source.stream }, { folder: await scratch(), maxStreamBytes });
  const { stdin } = kept.options;
  if (!isStream(stdin)) throw new Error('no stream');
  const read = async (most = Infinity): Promise<string> => {
    let text = '';
    for await (const bytes of stdin) {
      text += Buffer.from(bytes).toString();
      if (text.length >= most) break;
    }
    return text;
  };
  return { source, kept, stdin, read };
}

describe('keepStreams', () => {
  it('gives the same bytes to each reader and reads the source once', async () => {
    const { source, kept, read } = await keeping(['ab', 'cd', '', 'ef']);
    expect([await read(), await read(), await read()]).toEqual(['abcdef', 'abcdef', 'abcdef']);
    expect(source.opened()).toBe(1);
    expect(kept.problem()).toBeNull();
    await kept.close();
  });

  it('goes on in the source where a reader that broke off left it', async () => {
    const { source, read } = await keeping(['ab', 'cd', 'ef']);
    expect(await read(3)).toBe('abcd');
    expect(source.taken()).toBe(2);
    expect(await read()).toBe('abcdef');
    expect(source.opened()).toBe(1);
  });

  it('loses nothing to a reader that was abandoned while the source was slow', async () => {
    const given: string[] = [];
    async function* slow(): AsyncGenerator<Uint8Array> {
      for (;;) {
        const text = given.shift();
        if (text !== undefined) yield Buffer.from(text);
        else await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
    given.push('ab');
    const kept = keepStreams({ stdin: slow() }, { folder: await scratch(), maxStreamBytes: 3 });
    const { stdin } = kept.options;
    if (!isStream(stdin)) throw new Error('no stream');
    const abandoned = stdin[Symbol.asyncIterator]();
    expect(await abandoned.next()).toMatchObject({ done: false });
    const never = abandoned.next();
    const second = stdin[Symbol.asyncIterator]();
    expect(Buffer.from((await second.next()).value as Uint8Array).toString()).toBe('ab');
    const waiting = second.next();
    // More than is kept: it goes to the reader of now, not to the one that was left.
    given.push('cdef');
    expect(Buffer.from((await waiting).value as Uint8Array).toString()).toBe('cdef');
    expect(await never).toMatchObject({ done: true });
    given.push('gh');
    expect(Buffer.from((await second.next()).value as Uint8Array).toString()).toBe('gh');
    expect(kept.problem()).toMatch(/more than 3 bytes/);
    await kept.close();
  });

  it('hands on all of a stream that is too large, and says that it was not kept', async () => {
    const { kept, read } = await keeping(['abcd', 'efgh', 'ij', 'kl'], 5);
    expect(await read()).toBe('abcdefghijkl');
    expect(kept.problem()).toBe('the stream for standard input has more than 5 bytes and was not kept');
  });

  it('keeps what is just not too large', async () => {
    const { kept, read } = await keeping(['abcd', 'e'], 5);
    expect(await read()).toBe('abcde');
    expect(await read()).toBe('abcde');
    expect(kept.problem()).toBeNull();
  });

  it('does not keep a small piece that makes a stream too large, and says so of whichever stream it is', async () => {
    const given = { files: { a: sourceOf(['x']).stream }, stdin: sourceOf(['abcd', 'ef']).stream };
    const kept = keepStreams(given, { folder: await scratch(), maxStreamBytes: 5 });
    const { files, stdin } = kept.options;
    const first = files?.['a'];
    if (!isStream(stdin) || typeof first !== 'object' || !('content' in first) || !isStream(first.content))
      throw new Error('no stream');
    for (const stream of [first.content, stdin]) {
      let length = 0;
      for await (const bytes of stream) length += bytes.byteLength;
      expect(length).toBeGreaterThan(0);
    }
    expect(kept.problem()).toBe('the stream for standard input has more than 5 bytes and was not kept');
    await kept.close();
  });

  it('meets the failure of a source again, and says that there is no use in another attempt', async () => {
    const { kept, read } = await keeping(['ab', new Error('the source broke'), 'cd']);
    const failure = expect.objectContaining({ message: 'the source broke' }) as Error;
    await expect(read()).rejects.toEqual(failure);
    await expect(read()).rejects.toEqual(failure);
    expect(kept.problem()).toBe('the stream for standard input failed');
  });

  it('refuses what is not bytes', async () => {
    const stream = (async function* () {
      yield await Promise.resolve('text' as unknown as Uint8Array);
    })();
    const kept = keepStreams({ stdin: stream }, { folder: await scratch(), maxStreamBytes: 10 });
    const { stdin } = kept.options;
    if (!isStream(stdin)) throw new Error('no stream');
    await expect(stdin[Symbol.asyncIterator]().next()).rejects.toThrow(/expected bytes/);
  });

  it('hands on what the disk has no place for', async () => {
    const folder = join(await scratch(), 'missing');
    const large = 'x'.repeat(5 * 1024 ** 2);
    const kept = keepStreams(
      { stdin: sourceOf(['ab', large, 'yz']).stream },
      { folder, maxStreamBytes: 1e9 },
    );
    const { stdin } = kept.options;
    if (!isStream(stdin)) throw new Error('no stream');
    let length = 0;
    for await (const bytes of stdin) length += bytes.byteLength;
    expect(length).toBe(large.length + 4);
    expect(kept.problem()).toMatch(/could not be kept: ENOENT/);
    await kept.close();
  });

  it('replays many small pieces and a large one, byte for byte', async () => {
    const pieces = [...Array.from({ length: 3000 }, (_, index) => `${String(index)},`), 'x'.repeat(6e6), '.'];
    const { read, kept } = await keeping(pieces, 1e9);
    const expected = pieces.join('');
    expect((await read(500)).length).toBeGreaterThanOrEqual(500);
    expect((await read()) === expected).toBe(true);
    expect((await read()) === expected).toBe(true);
    await kept.close();
  });

  it('leaves alone what is no stream, and keeps the permission to run', () => {
    const bytes = Buffer.from('b');
    const path = { path: '/etc/hostname' };
    const files = { a: 'text', b: bytes, c: path, d: { content: sourceOf(['d']).stream, executable: true } };
    const kept = keepStreams({ files, stdin: 'text' }, { folder: '/nowhere', maxStreamBytes: 10 });
    expect(kept.options.stdin).toBe('text');
    expect(kept.options.files).toMatchObject({
      a: { content: 'text', executable: false },
      b: { content: bytes, executable: false },
      c: { content: path, executable: false },
      d: { executable: true },
    });
    expect(keepStreams({}, { folder: '/nowhere', maxStreamBytes: 1 }).options).toStrictEqual({});
  });

  it('closes also where nothing was read, and where a source cannot be told to stop', async () => {
    const next = async (): Promise<IteratorResult<Uint8Array>> =>
      Promise.resolve({ done: false, value: Buffer.from('ab') });
    const stdin = { [Symbol.asyncIterator]: () => ({ next }) };
    for (const isRead of [false, true]) {
      const kept = keepStreams({ stdin }, { folder: await scratch(), maxStreamBytes: 10 });
      const stream = kept.options.stdin;
      if (isRead && isStream(stream)) await stream[Symbol.asyncIterator]().next();
      await kept.close();
      expect(kept.problem()).toBeNull();
    }
  });

  it('lets an unread rest of the source go at the end', async () => {
    const { source, kept, read } = await keeping(['ab', 'cd']);
    await read(1);
    expect(source.returned()).toBe(false);
    await kept.close();
    await Promise.resolve();
    expect(source.returned()).toBe(true);
  });
});
