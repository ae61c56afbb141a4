/** The mark of a run's folder is believed only where it is a plain small file that says all of it. */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDirectory } from '../../src/host/node.js';
import { makeMarkedFolder, makerOf, type OwnerMark, readOwnerMark } from '../../src/workspace/owner-mark.js';
import { makeFifo, openBelow, scratch } from '../host/scratch.js';

const MARK: OwnerMark = { instance: 'here', owner: 'o', runId: 'r1' };

async function read(folder: string): Promise<OwnerMark | null> {
  const node = await openDirectory(folder);
  try {
    return await readOwnerMark(node);
  } finally {
    await node.handle.close();
    expect(await openBelow(folder)).toEqual([]);
  }
}
async function marked(content: string): Promise<string> {
  const folder = await scratch();
  await writeFile(join(folder, 'owner.json'), content);
  return folder;
}

describe('the mark of a folder', () => {
  it('is what was written when it was made', async () => {
    const folder = await makeMarkedFolder(await scratch(), 'run-a-', MARK);
    expect(folder).toMatch(/\/run-a-[^/]{6}$/);
    expect(await read(folder)).toEqual(MARK);
    expect(await read(await makeMarkedFolder(await scratch(), 'run-a-', null))).toBeNull();
  });

  it('may say more than this version reads', async () => {
    expect(await read(await marked(JSON.stringify({ ...MARK, since: 'x' })))).toEqual(MARK);
    expect(await read(await marked(JSON.stringify({ ...MARK, schema: 1 })))).toEqual(MARK);
    const largest = JSON.stringify({ ...MARK, more: '' });
    expect(
      await read(await marked(largest.replace('""', `"${'x'.repeat(4_096 - largest.length)}"`))),
    ).toEqual(MARK);
  });

  it.each([
    ['is cut off', '{"instance":"here",'],
    ['is empty', ''],
    ['is null', 'null'],
    ['is a text', '"here"'],
    ['lacks its instance', JSON.stringify({ ...MARK, instance: undefined })],
    ['lacks its owner', JSON.stringify({ ...MARK, owner: 5 })],
    ['lacks its run', JSON.stringify({ ...MARK, runId: null })],
    ['is of a later kind', JSON.stringify({ ...MARK, schema: 2 })],
    ['is larger than any', JSON.stringify({ ...MARK, more: 'x'.repeat(4_096) })],
  ])('that %s is none', async (_, content) => {
    expect(await read(await marked(content))).toBeNull();
  });

  it('that is no file is none', async () => {
    const [empty, folder, link, fifo] = [await scratch(), await scratch(), await scratch(), await scratch()];
    await mkdir(join(folder, 'owner.json'));
    await symlink(join(await marked(JSON.stringify(MARK)), 'owner.json'), join(link, 'owner.json'));
    makeFifo(join(fifo, 'owner.json'));
    for (const each of [empty, folder, link, fifo]) expect(await read(each)).toBeNull();
  });

  it('is in the name of a folder that was never finished', () => {
    expect(makerOf('.making-a.b-c-abcdef')).toBe('a.b-c');
    for (const name of ['.making-abcdef', 'x.making-o-abcdef', '.making-o-abcdefg', 'run-a-abcdef']) {
      expect(makerOf(name)).toBeNull();
    }
  });
});
