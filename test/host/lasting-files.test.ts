import { mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { writeWhole } from '../../src/host/lasting-files.js';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berthkit-lasting-'));
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

/** What all handles have in common. */
async function handlePrototype(): Promise<{ sync(): Promise<void> }> {
  const handle = await open(folder);
  await handle.close();
  return Object.getPrototypeOf(handle) as { sync(): Promise<void> };
}

describe('a file that is written whole', () => {
  it('is there, and nothing beside it; a name that is taken keeps what it has', async () => {
    expect(await writeWhole(folder, 'a', 'first')).toBe(true);
    expect(await writeWhole(folder, 'a', 'second')).toBe(false);
    expect(await readdir(folder)).toEqual(['a']);
    expect(await readFile(join(folder, 'a'), 'utf8')).toBe('first');
  });

  it('is not there at all where it could not be made to last', async () => {
    vi.spyOn(await handlePrototype(), 'sync').mockRejectedValue(new Error('EIO'));
    await expect(writeWhole(folder, 'a', 'text')).rejects.toThrow('EIO');
    expect(await readdir(folder)).toEqual([]);
    vi.restoreAllMocks();
    expect(await writeWhole(folder, 'a', 'text')).toBe(true);
  });
});
