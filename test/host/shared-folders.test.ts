import { describe, expect, it, vi } from 'vitest';
import { openDirectory } from '../../src/host/node.js';
import { shareFolders } from '../../src/host/shared-folders.js';
import { openBelow, scratch } from './scratch.js';

describe('shareFolders', () => {
  it('opens a folder once for all who use it at the same time, and closes it after the last', async () => {
    const path = await scratch();
    const open = vi.fn(openDirectory);
    const use = shareFolders(open);
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const first = use(path, async ({ handle }) => {
      await held;
      return handle.fd;
    });
    const second = use(path, ({ handle }) => Promise.resolve(handle.fd));
    const fd = await second;
    expect(await openBelow(path)).toHaveLength(1);
    release();
    expect(await first).toBe(fd);
    expect(open).toHaveBeenCalledTimes(1);
    expect(await openBelow(path)).toEqual([]);
    await use(path, () => Promise.resolve());
    expect(open).toHaveBeenCalledTimes(2);
    expect(await openBelow(path)).toEqual([]);
  });

  it('leaves nothing open when the work fails, and tells every user when there is no folder', async () => {
    const path = await scratch();
    const use = shareFolders(openDirectory);
    await expect(use(path, () => Promise.reject(new Error('work')))).rejects.toThrow('work');
    expect(await openBelow(path)).toEqual([]);
    const gone = ['one', 'two'].map(async () => use(`${path}/gone`, () => Promise.resolve()));
    for (const each of gone) await expect(each).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
