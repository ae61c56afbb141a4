import { execFileSync } from 'node:child_process';
import { chmod, link, mkdir, open, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDirectory } from '../../src/host/node.js';
import { measureTree, type TreeUsage } from '../../src/host/tree-usage.js';
import { scratch } from './scratch.js';

const MIB = 1024 ** 2;
const measure = async (
  path: string,
  bounds: { maxBytes?: number; maxEntries?: number; signal?: AbortSignal } = {},
): Promise<TreeUsage> => {
  const { handle } = await openDirectory(path);
  try {
    return await measureTree(handle, {
      maxBytes: null,
      maxEntries: null,
      signal: new AbortController().signal,
      ...bounds,
    });
  } finally {
    await handle.close();
  }
};

describe('measureTree', () => {
  it('counts what du counts, at any depth', async () => {
    const folder = await scratch();
    await mkdir(join(folder, 'a/b/c'), { recursive: true });
    for (let index = 0; index < 200; index += 1)
      await writeFile(join(folder, 'a/b', `f${String(index)}`), Buffer.alloc(5_000));
    await writeFile(join(folder, 'a/b/c/large'), Buffer.alloc(MIB));
    const [kib = ''] = execFileSync('du', ['-sk', folder], { encoding: 'utf8' }).split('\t');
    // The root itself is not counted here.
    const own = (await stat(folder)).blocks * 512;
    expect(await measure(folder)).toEqual({ bytes: Number(kib) * 1024 - own, entries: 204 });
  });

  it('counts a hole for nothing, and a file with two names once', async () => {
    const folder = await scratch();
    await writeFile(join(folder, 'hole'), '');
    await truncate(join(folder, 'hole'), 1024 ** 4);
    await writeFile(join(folder, 'one'), Buffer.alloc(MIB));
    await link(join(folder, 'one'), join(folder, 'two'));
    const { bytes, entries } = await measure(folder);
    expect(entries).toBe(3);
    expect(bytes).toBeGreaterThanOrEqual(MIB);
    expect(bytes).toBeLessThan(2 * MIB);
  });

  it('follows no link', async () => {
    const folder = await scratch();
    const outside = await scratch();
    await writeFile(join(outside, 'large'), Buffer.alloc(MIB));
    await symlink(outside, join(folder, 'folder'));
    await symlink(join(outside, 'large'), join(folder, 'file'));
    const { bytes, entries } = await measure(folder);
    expect(entries).toBe(2);
    expect(bytes).toBeLessThan(MIB / 2);
  });

  it('stops beyond a bound, and when it is told to', async () => {
    const folder = await scratch();
    for (let index = 0; index < 500; index += 1) await mkdir(join(folder, `d${String(index)}`));
    const { entries } = await measure(folder, { maxEntries: 100 });
    expect(entries).toBeGreaterThan(100);
    expect(entries).toBeLessThan(300);
    await writeFile(join(folder, 'd0/large'), Buffer.alloc(MIB));
    expect((await measure(folder, { maxBytes: 4096 })).bytes).toBeGreaterThan(4096);
    expect(await measure(folder, { signal: AbortSignal.abort() })).toEqual({ bytes: 0, entries: 0 });
  });

  it('goes down a chain of six hundred folders', async () => {
    const folder = await scratch();
    let handle = await open(folder);
    for (let index = 0; index < 600; index += 1) {
      const path = `/proc/self/fd/${String(handle.fd)}/d`;
      await mkdir(path);
      const next = await open(path);
      await handle.close();
      handle = next;
    }
    await writeFile(`/proc/self/fd/${String(handle.fd)}/large`, Buffer.alloc(MIB));
    await handle.close();
    const { bytes, entries } = await measure(folder);
    expect(entries).toBe(601);
    expect(bytes).toBeGreaterThanOrEqual(MIB);
  });

  it('passes over what it may not look into', async () => {
    const folder = await scratch();
    await mkdir(join(folder, 'closed'));
    await writeFile(join(folder, 'closed/f'), 'x');
    await writeFile(join(folder, 'open'), 'x');
    await chmod(join(folder, 'closed'), 0);
    // Root may look into everything.
    expect((await measure(folder)).entries).toBe(process.getuid?.() === 0 ? 3 : 2);
    await chmod(join(folder, 'closed'), 0o700);
  });
});
