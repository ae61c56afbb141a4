/** A tar is read to its end or given up for a reason that is told, and its source is never left waiting. */
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { packEntries, tarEntry } from '../../src/testing/tar-entries.js';
import { brokenTar, readTar, type TarSource } from '../../src/workspace/read-tar.js';
import { noSignal } from '../host/scratch.js';
import { bytesOf, checkSummed } from './unpack-fixture.js';

const MIB = 1024 ** 2;

interface Source {
  readonly tar: AsyncIterable<Uint8Array>;
  given: number;
  isLetGo: boolean;
}

/** Gives bytes piece by piece, and hangs after them if it is to. */
function sourceOf(bytes: Uint8Array, pieceBytes: number, hangs = false): Source {
  const source: Source = {
    given: 0,
    isLetGo: false,
    tar: {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          if (source.given >= bytes.length)
            return hangs ? new Promise<never>(() => undefined) : Promise.resolve({ done: true, value: null });
          const value = bytes.subarray(source.given, source.given + pieceBytes);
          source.given += value.length;
          return Promise.resolve({ done: false, value });
        },
        return: async () => {
          source.isLetGo = true;
          return Promise.resolve({ done: true, value: null });
        },
      }),
    },
  };
  return source;
}

const names = async (tar: AsyncIterable<Uint8Array>): Promise<readonly string[]> => {
  const seen: string[] = [];
  const count = await readTar(tar, noSignal(), async ({ header }) => {
    seen.push(header.name);
    return Promise.resolve('more');
  });
  expect(count).toBe(seen.length);
  return seen;
};

describe('a tar', () => {
  it('larger than what is held of it is read no faster than its entries are taken', async () => {
    const text = 'x'.repeat(8 * MIB);
    const tar = await bytesOf(packEntries([tarEntry('w/'), tarEntry('w/large', { text }), tarEntry('w/z')]));
    const source = sourceOf(tar, 64 * 1024);
    let sizeBytes = 0;
    const take = async (entry: TarSource): Promise<'more'> => {
      for (let turns = 0; turns < 200; turns += 1) await turn();
      if (entry.header.name === 'w/large') expect(source.given).toBeLessThan(2 * MIB);
      for await (const chunk of entry as AsyncIterable<Uint8Array>) sizeBytes += chunk.byteLength;
      return 'more';
    };
    expect(await readTar(source.tar, noSignal(), take)).toBe(3);
    expect(sizeBytes).toBe(text.length);
  });

  it('is passed over where nobody reads what is in it', async () => {
    const text = 'x'.repeat(2 * MIB);
    const entries = ['w/', 'w/a', 'w/b'].map((name) =>
      tarEntry(name, name.endsWith('/') ? {} : { text: text }),
    );
    expect(await names(sourceOf(await bytesOf(packEntries(entries)), 64 * 1024).tar)).toEqual([
      'w/',
      'w/a',
      'w/b',
    ]);
  });

  it('is whole where its last folder claims a size: folders have no bytes', async () => {
    const tar = await bytesOf(packEntries([tarEntry('w/')]));
    tar.write('00000010000\0', 124);
    checkSummed(tar.subarray(0, 512));
    expect(await names(sourceOf(tar, 512).tar)).toEqual(['w/']);
  });

  it('that is enough lets its source go at once, however it goes on', async () => {
    const tar = await bytesOf(packEntries([tarEntry('w/'), tarEntry('w/a'), tarEntry('w/b')]));
    const source = sourceOf(tar.subarray(0, 1536), 512, true);
    const seen: string[] = [];
    const count = await readTar(source.tar, noSignal(), async ({ header }) => {
      seen.push(header.name);
      return Promise.resolve(seen.length === 2 ? 'enough' : 'more');
    });
    expect([count, seen, source.isLetGo]).toEqual([2, ['w/', 'w/a'], true]);
  });
});

describe('reading a tar fails', () => {
  it('with what its taker throws, also while its source hangs', async () => {
    const tar = await bytesOf(packEntries([tarEntry('w/'), tarEntry('w/a')]));
    const source = sourceOf(tar.subarray(0, 512), 512, true);
    const mine = new Error('mine');
    const reading = readTar(source.tar, noSignal(), async () => {
      await turn();
      throw mine;
    });
    await expect(reading).rejects.toBe(mine);
    expect(source.isLetGo).toBe(true);
  });

  it('with the reason it was given up for, also while its source hangs', async () => {
    const giving = new AbortController();
    const reason = new Error('enough');
    const tar = await bytesOf(packEntries([tarEntry('w/')]));
    const source = sourceOf(tar.subarray(0, 512), 512, true);
    const reading = readTar(source.tar, giving.signal, async () => {
      giving.abort(reason);
      return Promise.resolve('more');
    });
    await expect(reading).rejects.toBe(reason);
    expect(source.isLetGo).toBe(true);
  });

  it('for one without its end, in words', async () => {
    const tar = await bytesOf(packEntries([tarEntry('w/')]));
    const whole = "The engine's tar of an output cannot be used";
    await expect(names(sourceOf(tar.subarray(0, 1024), 512).tar)).rejects.toMatchObject({
      code: 'engine.failed',
      message: `${whole}: it is cut off.`,
    });
    const cause = new Error('why');
    expect(brokenTar('it is odd', cause)).toMatchObject({ message: `${whole}: it is odd.`, cause });
  });

  it('for what cannot be read, with what the reader says of it', async () => {
    const failure: unknown = await names(sourceOf(Buffer.alloc(1024, 'x'), 512).tar).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code: 'engine.failed', cause: expect.any(Error) as Error });
    const { message, cause } = failure as { message: string; cause: Error };
    expect(message).toContain(`: ${cause.message}.`);
  });
});
