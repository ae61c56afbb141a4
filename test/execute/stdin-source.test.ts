/** Standard input is one stream of bytes, whatever it was given as, and is accounted for when it is known. */
import { createHash } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  readToEnd,
  type StdinAccount,
  type StdinContent,
  toAccountedStream,
} from '../../src/execute/stdin-source.js';
import { scratch } from '../host/scratch.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const NOTHING_YET: StdinAccount = { sizeBytes: null, sha256: null };

function reading(content: StdinContent, isHashed = true) {
  const accounts: StdinAccount[] = [];
  const stream = toAccountedStream(content, isHashed, (account) => void accounts.push(account));
  const read = async (): Promise<readonly Uint8Array[]> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return chunks;
  };
  return { accounts, read };
}

async function* pieces(...texts: readonly string[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const text of texts) yield await Promise.resolve(Buffer.from(text));
}

describe('standard input', () => {
  it.each([
    ['a text', 'grüße'],
    ['bytes', Buffer.from('grüße')],
  ])('from %s is known at once', async (_, content) => {
    const { accounts, read } = reading(content);
    expect(accounts).toEqual([{ sizeBytes: 7, sha256: sha256('grüße') }]);
    expect(Buffer.concat(await read()).toString()).toBe('grüße');
    expect(accounts).toHaveLength(1);
  });

  it('is handed on in pieces of 64 KiB at most', async () => {
    const text = 'x'.repeat(64 * 1024 + 1);
    const chunks = await reading(text).read();
    expect(chunks.map(({ length }) => length)).toEqual([64 * 1024, 1]);
    expect(Buffer.concat(chunks).toString()).toBe(text);
  });

  it('has no piece beyond its end', async () => {
    expect(await reading('').read()).toEqual([]);
    expect(await reading('x'.repeat(64 * 1024)).read()).toHaveLength(1);
  });

  it('from a stream is known when it has been read to its end', async () => {
    const { accounts, read } = reading(pieces('a', 'bc'));
    expect(accounts).toEqual([NOTHING_YET]);
    expect((await read()).map((chunk) => Buffer.from(chunk).toString())).toEqual(['a', 'bc']);
    expect(accounts).toEqual([NOTHING_YET, { sizeBytes: 3, sha256: sha256('abc') }]);
  });

  it('from an open file is read when the stream is, in pieces, from where the file stands, and stays open', async () => {
    const path = join(await scratch(), 'input');
    await writeFile(path, `head${'x'.repeat(64 * 1024)}y`);
    const file = await open(path);
    try {
      await file.read(Buffer.alloc(4), 0, 4);
      const { accounts, read } = reading(readToEnd(file));
      expect(accounts).toEqual([NOTHING_YET]);
      const chunks = await read();
      expect(chunks.map(({ length }) => length)).toEqual([64 * 1024, 1]);
      expect(accounts.at(-1)?.sizeBytes).toBe(64 * 1024 + 1);
      expect((await file.stat()).isFile()).toBe(true);
    } finally {
      await file.close();
    }
  });

  it.each([
    ['a text', (): StdinContent => 'abc'],
    ['a stream', (): StdinContent => pieces('abc')],
  ])('from %s is only counted where no hash is asked for', async (_, content) => {
    const { accounts, read } = reading(content(), false);
    await read();
    expect(accounts.at(-1)).toEqual({ sizeBytes: 3, sha256: null });
  });
});
