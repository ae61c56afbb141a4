/** Bytes that are kept come back exactly, from memory and from a file nobody else can find. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSpool } from '../../src/host/spool.js';
import { scratch } from './scratch.js';

const piece = (length: number, fill: number) => Buffer.alloc(length, fill);

/** What this process holds open beneath a folder, by any name or none. */
async function openedIn(folder: string): Promise<readonly string[]> {
  const { readlink } = await import('node:fs/promises');
  const names = await readdir('/proc/self/fd');
  const targets = await Promise.all(names.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return targets.filter((target) => target.startsWith(`${folder}/`));
}

describe('createSpool', () => {
  it('gives every piece back, in memory and beyond, in any order and again', async () => {
    const folder = await scratch();
    const spool = createSpool(folder, 1000);
    const pieces = [piece(400, 1), piece(400, 2), piece(400, 3), piece(100_000, 4), piece(10, 5)];
    const positions: number[] = [];
    for (const bytes of pieces) positions.push(await spool.append(bytes));
    for (const index of [4, 0, 3, 1, 2, 3, 0]) {
      const bytes = pieces[index] ?? piece(0, 0);
      expect(Buffer.from(await spool.read(positions[index] ?? -1, bytes.length)).equals(bytes)).toBe(true);
    }
    await spool.close();
  });

  it('keeps a copy, and gives a copy', async () => {
    const spool = createSpool(await scratch(), 1000);
    const given = piece(4, 1);
    const position = await spool.append(given);
    given.fill(9);
    (await spool.read(position, 4)).fill(8);
    expect([...(await spool.read(position, 4))]).toEqual([1, 1, 1, 1]);
  });

  it('writes pieces that are appended at the same time side by side', async () => {
    const spool = createSpool(await scratch(), 0);
    const fills = [1, 2, 3, 4, 5, 6, 7, 8];
    const positions = await Promise.all(fills.map((fill) => spool.append(piece(10_000, fill))));
    for (const [index, fill] of fills.entries()) {
      expect(Buffer.from(await spool.read(positions[index] ?? -1, 10_000)).equals(piece(10_000, fill))).toBe(
        true,
      );
    }
    await spool.close();
  });

  it('makes a file only for what does not fit into memory, shows it nowhere, and leaves none', async () => {
    const folder = await scratch();
    const spool = createSpool(folder, 1000);
    await spool.append(piece(1000, 1));
    expect(await openedIn(folder)).toEqual([]);
    const position = await spool.append(piece(1, 2));
    expect(await openedIn(folder)).toHaveLength(1);
    expect(await readdir(folder)).toEqual([]);
    await spool.close();
    await spool.close();
    expect(await openedIn(folder)).toEqual([]);
    await expect(spool.read(position, 1)).rejects.toThrow(/closed/);
  });

  it('says when there is no place for a file', async () => {
    const spool = createSpool(join(await scratch(), 'missing'), 0);
    await expect(spool.append(piece(1, 1))).rejects.toMatchObject({ code: 'ENOENT' });
    await spool.close();
  });
});
