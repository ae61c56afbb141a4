/** Tars that no engine makes, or that were cut off: nothing of them leaves the folder, and none is taken for whole. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RejectedError } from '../../src/workspace/rejection.js';
import { checkSummed, dir, type Entry, tarOf, unpack } from './unpack-fixture.js';

describe('a tar is broken that', () => {
  it.each<[string, readonly Entry[]]>([
    ['holds an absolute name', [dir, [{ name: '/etc/x' }]]],
    ['climbs', [dir, [{ name: 'out/../../x' }]]],
    ['climbs from its root', [[{ name: '../out/x' }]]],
    ['has a dot in a path', [dir, [{ name: 'out/./x' }]]],
    ['has an empty name in a path', [dir, [{ name: 'out//x' }]]],
    ['is of something else', [[{ name: 'other/x' }]]],
    ['holds a file twice', [dir, [{ name: 'out/x' }, '1'], [{ name: 'out/x' }, '2']]],
    ['puts a file beneath a file', [dir, [{ name: 'out/x' }, '1'], [{ name: 'out/x/y' }, '2']]],
    [
      'puts a file beneath a link',
      [dir, [{ name: 'out/x', type: 'symlink', linkname: '/etc' }], [{ name: 'out/x/y' }]],
    ],
    [
      'puts a file where a folder is',
      [dir, [{ name: 'out/x/', type: 'directory' }], [{ name: 'out/x' }, '2']],
    ],
    [
      'has a second name for what is outside',
      [dir, [{ name: 'out/x', type: 'link', linkname: '/etc/passwd' }]],
    ],
    ['has a second name for what climbs', [dir, [{ name: 'out/x', type: 'link', linkname: 'out/../../y' }]]],
  ])('%s', async (_, entries) => {
    const { path, unpacking } = await unpack(await tarOf(...entries));
    await expect(unpacking).rejects.toMatchObject({ code: 'engine.failed' });
    expect(readdirSync(join(path, '..'))).toEqual(['inner']);
  });

  it('may leave out what is beneath a folder with too long a path, unless that is not wanted', async () => {
    const folderOf = (levels: number): Entry => [
      { name: `out${`/${'d'.repeat(99)}`.repeat(levels)}/`, type: 'directory' },
    ];
    const more = { maxDepth: 64 };
    const near = await unpack(await tarOf(dir, folderOf(34)), more);
    await expect(near.unpacking).resolves.toMatchObject({ isEmpty: false });
    const far = await unpack(await tarOf(dir, folderOf(36)), more);
    await expect(far.unpacking).rejects.toMatchObject({
      rejectCause: 'limit',
      message: expect.stringContaining('too long') as string,
    });
    const unwanted = { ...more, glob: { matches: () => false, mayMatchBeneath: () => false } };
    const other = await unpack(await tarOf(dir, folderOf(36)), unwanted);
    await expect(other.unpacking).resolves.toMatchObject({ isEmpty: false });
  });

  it('is cut off, wherever', async () => {
    const whole = await tarOf(
      dir,
      [{ name: 'out/zeros' }, '\0'.repeat(1024)],
      [{ name: 'out/b' }, 'x'.repeat(700)],
    );
    for (let length = 0; length < whole.length; length += 256) {
      const { unpacking } = await unpack(whole.subarray(0, length));
      await expect(unpacking, `${String(length)} of ${String(whole.length)}`).rejects.toMatchObject({
        code: 'engine.failed',
      });
    }
    const { unpacking } = await unpack(whole);
    await expect(unpacking).resolves.toMatchObject({ isEmpty: false });
  });

  it.each([
    ['no tar', Buffer.from('x'.repeat(5000))],
    ['nothing', Buffer.alloc(0)],
  ])('is %s', async (_, bytes) => {
    const { unpacking } = await unpack(bytes);
    await expect(unpacking).rejects.toMatchObject({ code: 'engine.failed' });
  });

  it('has a header without an end', async () => {
    const header = await tarOf([{ name: 'x'.repeat(50), size: 0 }]);
    const bomb = header.subarray(0, 512);
    bomb.write('x', 156);
    bomb.write('77777777777\0', 124);
    checkSummed(bomb);
    let fed = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield bomb;
      for (; fed < 200_000_000; fed += 65_536) yield await Promise.resolve(Buffer.alloc(65_536, 'x'));
    }
    const { unpacking } = await unpack(endless());
    await expect(unpacking).rejects.toMatchObject({ code: 'engine.failed' });
    expect(fed).toBeLessThan(20_000_000);
  });
});

describe('unpacking', () => {
  it('makes files and folders for nobody else, and nothing of what a tar says of owners and modes', async () => {
    const { path, unpacking } = await unpack(
      await tarOf(
        [{ name: 'out/', type: 'directory', mode: 0o777 }],
        [{ name: 'out/run', mode: 0o6755, uid: 1, gid: 1 }, 'bytes'],
      ),
    );
    await unpacking;
    expect(readFileSync(join(path, 'out/run'), 'utf8')).toBe('bytes');
    expect(statSync(join(path, 'out/run'))).toMatchObject({ mode: 0o100600, uid: process.geteuid?.() });
    expect(statSync(join(path, 'out')).mode).toBe(0o40700);
  });

  it('makes neither links nor devices: empty files stand for them', async () => {
    const { path, unpacking } = await unpack(
      await tarOf(
        dir,
        [{ name: 'out/link', type: 'symlink', linkname: '/etc/passwd' }],
        [{ name: 'out/device', type: 'character-device', devmajor: 1, devminor: 5 }],
        [{ name: 'out/fifo', type: 'fifo' }],
      ),
    );
    const { standIns } = await unpacking;
    const identityOf = (name: string): string => {
      const stats = statSync(join(path, 'out', name));
      expect([stats.isFile(), stats.size]).toEqual([true, 0]);
      return `${String(stats.dev)}:${String(stats.ino)}`;
    };
    expect(Object.fromEntries(standIns)).toEqual({
      [identityOf('link')]: 'symlink',
      [identityOf('device')]: 'device',
      [identityOf('fifo')]: 'fifo',
    });
  });

  it('stops before it reads what is too much, and lets its source go', async () => {
    const head = (await tarOf(dir, [{ name: 'out/big' }, ''])).subarray(0, 1024);
    head.write('00077777777\0', 512 + 124);
    checkSummed(head.subarray(512));
    const fed = { chunks: 0, over: false };
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield head;
        for (;;) {
          fed.chunks += 1;
          yield await Promise.resolve(Buffer.alloc(65_536));
        }
      } finally {
        fed.over = true;
      }
    }
    const { unpacking } = await unpack(source());
    await expect(unpacking).rejects.toThrow(RejectedError);
    expect(fed.over).toBe(true);
    expect(fed.chunks).toBeLessThan(50);
  });

  it('rejects with what its source rejects with, and with the reason it was given up for', async () => {
    const mine = new Error('mine');
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve((await tarOf(dir)).subarray(0, 512));
      throw mine;
    }
    await expect((await unpack(failing())).unpacking).rejects.toBe(mine);
    const reason = new Error('enough');
    const giving = new AbortController();
    async function* aborting(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve((await tarOf(dir)).subarray(0, 512));
      giving.abort(reason);
      yield Buffer.alloc(512);
    }
    await expect((await unpack(aborting(), { signal: giving.signal })).unpacking).rejects.toBe(reason);
  });
});
