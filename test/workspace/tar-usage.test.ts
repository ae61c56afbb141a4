/** What a workspace holds by its tar: counted as far as the bounds go, and no further read. */
import { describe, expect, it } from 'vitest';
import { packEntries, tarEntry } from '../../src/testing/tar-entries.js';
import { measureTar } from '../../src/workspace/tar-usage.js';
import { noSignal } from '../host/scratch.js';

const tree = () =>
  packEntries([
    tarEntry('w/'),
    tarEntry('w/a', { text: 'x'.repeat(700) }),
    tarEntry('w/sub/'),
    tarEntry('w/sub/b', { text: 'yy' }),
  ]);
const measure = (
  maxBytes: number | null,
  maxEntries: number | null,
  tar: AsyncIterable<Uint8Array> = tree(),
) => measureTar(tar, { maxBytes, maxEntries, signal: noSignal() });

/** Ends in the middle of the second entry. */
async function* cutOff(): AsyncGenerator<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of tree()) chunks.push(chunk);
  yield Buffer.concat(chunks).subarray(0, 1_200);
}

describe('measureTar', () => {
  it('counts files by their length, and what is beneath the root', async () => {
    expect(await measure(null, null)).toEqual({ bytes: 702, entries: 3 });
    expect(await measure(702, 3)).toEqual({ bytes: 702, entries: 3 });
  });

  it('stops beyond a bound, without minding how the rest is', async () => {
    expect(await measure(600, null)).toEqual({ bytes: 700, entries: 1 });
    expect(await measure(600, null, cutOff())).toEqual({ bytes: 700, entries: 1 });
    expect(await measure(null, 1)).toEqual({ bytes: 700, entries: 2 });
  });

  it('goes on where a bound is just reached', async () => {
    expect(await measure(700, null)).toEqual({ bytes: 702, entries: 3 });
    expect(await measure(null, 2)).toEqual({ bytes: 702, entries: 3 });
  });

  it('takes nothing for the whole that an engine may have left out something of, unless it is too much already', async () => {
    const deep = (levels: number) =>
      packEntries([
        tarEntry('w/'),
        tarEntry(`w${`/${'d'.repeat(99)}`.repeat(levels)}/`),
        tarEntry('w/a', { text: 'x' }),
      ]);
    expect(await measure(null, null, deep(34))).toEqual({ bytes: 1, entries: 2 });
    await expect(measure(null, null, deep(36))).rejects.toMatchObject({
      code: 'engine.failed',
      message: expect.stringContaining('too long') as string,
    });
    expect(await measure(0, null, deep(36))).toEqual({ bytes: 1, entries: 2 });
  });

  it('takes nothing that is cut off for the whole', async () => {
    await expect(measure(null, null, cutOff())).rejects.toMatchObject({ code: 'engine.failed' });
  });
});
