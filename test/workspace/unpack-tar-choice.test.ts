/** What of a tar is taken, what it is counted as, and in which words the rest is refused. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createGlobMatcher } from '../../src/workspace/glob-matcher.js';
import { createOutputAccount } from '../../src/workspace/output-account.js';
import type { UnpackOptions } from '../../src/workspace/unpack-tar.js';
import { openBelow } from '../host/scratch.js';
import { checkSummed, dir, type Entry, tarOf, unpack } from './unpack-fixture.js';

const accountOf = (fileBytes = 1000) => createOutputAccount({ bytes: 1000, entries: 100 }, { fileBytes });
const folder = (name: string): Entry => [{ name: `${name}/`, type: 'directory' }];
const file = (name: string, text = 'text'): Entry => [{ name }, text];
const hardLink = (name: string, linkname: string): Entry => [{ name, type: 'link', linkname }];

/** Unpacks everything, and gives what is there then. */
async function unpacked(entries: readonly Entry[], more: Partial<UnpackOptions> = {}) {
  const account = accountOf();
  const { path, unpacking } = await unpack(await tarOf(...entries), { account, ...more });
  const { isEmpty } = await unpacking;
  const paths = readdirSync(path, { recursive: true, encoding: 'utf8' }).sort();
  expect(await openBelow(path)).toEqual([path]);
  return { path, paths, isEmpty, used: account.used };
}

const refused = async (entries: readonly Entry[], more: Partial<UnpackOptions> = {}): Promise<unknown> =>
  unpack(await tarOf(...entries), more).then(async ({ unpacking }) =>
    unpacking.catch((error: unknown) => error),
  );

describe('of a tar is taken', () => {
  it('nothing where there is no entry', async () => {
    expect(await unpacked([])).toMatchObject({ isEmpty: true, paths: [] });
    expect(await unpacked([dir])).toMatchObject({ isEmpty: false, paths: ['out'] });
  });

  it('a file at its place in the workspace, with folders for us alone on the way', async () => {
    const { path, paths, used } = await unpacked([file('c', 'xy')], {
      names: ['a', 'b', 'c'],
      rootName: 'c',
    });
    expect(paths).toEqual(['a', 'a/b', 'a/b/c']);
    expect(readFileSync(join(path, 'a/b/c'), 'utf8')).toBe('xy');
    expect(statSync(join(path, 'a/b')).mode & 0o777).toBe(0o700);
    expect(used).toEqual({ bytes: 2, entries: 1 });
  });

  it('a folder, which does not count, with what is in it, which does', async () => {
    const { paths, used } = await unpacked([dir, folder('out/sub'), file('out/sub/x'), file('out/y')]);
    expect(paths).toEqual(['out', 'out/sub', 'out/sub/x', 'out/y']);
    expect(used).toEqual({ bytes: 8, entries: 3 });
  });

  it('the whole workspace, but no file in its place', async () => {
    const whole = { names: [], rootName: 'w' };
    expect(await unpacked([folder('w'), file('w/x')], whole)).toMatchObject({ paths: ['x'] });
    expect(await refused([file('w')], whole)).toMatchObject({
      code: 'engine.failed',
      message: expect.stringContaining('it is not of a folder') as string,
    });
  });

  it('what nests as deep as it may, and nothing deeper', async () => {
    const entries = [dir, folder('out/a'), file('out/a/b')];
    expect((await unpacked(entries, { maxDepth: 2 })).paths).toContain('out/a/b');
    expect(await refused(entries, { maxDepth: 1 })).toMatchObject({
      rejectCause: 'limit',
      message: 'a folder is too large: it is nested deeper than 1 folders',
    });
  });

  it('nothing of ours and nothing beneath it: whether it is, is asked by its path in the workspace', async () => {
    const asked: (readonly [string, string | null])[] = [];
    const entries: readonly Entry[] = [
      folder('b'),
      folder('b/ours'),
      folder('b/ours/sub'),
      file('b/ours/sub/x'),
      [{ name: 'b/link', type: 'symlink', linkname: '/target' }],
      file('b/z'),
      hardLink('b/zz', 'b/z'),
    ];
    const { paths, used } = await unpacked(entries, {
      names: ['a', 'b'],
      rootName: 'b',
      isOurs: (path, target) => {
        asked.push([path, target]);
        return path === 'a/b/ours' || target === '/target';
      },
    });
    expect(paths).toEqual(['a', 'a/b', 'a/b/z', 'a/b/zz']);
    expect(used.entries).toBe(2);
    expect(asked).toEqual([
      ['a/b', null],
      ['a/b/ours', null],
      ['a/b/ours', null],
      ['a/b/ours', null],
      ['a/b/link', '/target'],
      ['a/b/z', null],
      ['a/b/zz', null],
    ]);
  });

  it('what a glob matches, and no folder beneath which nothing can', async () => {
    const entries = [
      ...[dir, file('out/x.txt', '1'), file('out/x.bin', '22')],
      ...[folder('out/sub'), folder('out/sub/deep'), file('out/sub/x.txt'), file('out/sub/deep/y.txt')],
    ];
    const { paths, used } = await unpacked(entries, { glob: await createGlobMatcher('out/*.txt') });
    expect(paths).toEqual(['out', 'out/sub', 'out/x.txt']);
    expect(used).toEqual({ bytes: 1, entries: 3 });
  });

  it('a second name of a file, as one file that counts for each of its names', async () => {
    const { path, paths, used } = await unpacked(
      [
        ...[folder('b'), folder('b/sub'), file('b/sub/x')],
        ...[hardLink('b/sub/y', 'b/sub/x'), hardLink('b/z', 'b/sub/y')],
      ],
      { names: ['a', 'b'], rootName: 'b' },
    );
    expect(paths).toEqual(['a', 'a/b', 'a/b/sub', 'a/b/sub/x', 'a/b/sub/y', 'a/b/z']);
    const [x, y, z] = ['sub/x', 'sub/y', 'z'].map((name) => statSync(join(path, 'a/b', name)).ino);
    expect([y, z]).toEqual([x, x]);
    expect(used).toEqual({ bytes: 12, entries: 4 });
  });

  it('a file that was written in one piece', async () => {
    const tar = await tarOf(dir, file('out/x'));
    tar.write('7', 512 + 156);
    checkSummed(tar.subarray(512, 1024));
    const { path, unpacking } = await unpack(tar);
    await unpacking;
    expect(readFileSync(join(path, 'out/x'), 'utf8')).toBe('text');
  });
});

describe('a tar is refused in words for', () => {
  it('an entry of a kind that nobody knows', async () => {
    const tar = await tarOf(dir, file('out/x'));
    tar.write('Z', 512 + 156);
    checkSummed(tar.subarray(512, 1024));
    await expect((await unpack(tar)).unpacking).rejects.toMatchObject({
      code: 'engine.failed',
      message: expect.stringContaining('it holds "out/x", of an unknown kind') as string,
    });
  });

  it.each<[string, readonly Entry[], string]>([
    ['a name elsewhere', [file('etc/x')], 'it holds "etc/x", which is not beneath "out"'],
    [
      'two things at one path',
      [dir, folder('out/a'), file('out/a/x'), file('out/a/x')],
      'it holds "out/a/x" beside what is in its way',
    ],
    [
      'a second name that leads out',
      [dir, hardLink('out/x', 'etc/passwd')],
      'it holds "etc/passwd", which is not beneath "out"',
    ],
  ])('%s', async (_, entries, problem) => {
    expect(await refused(entries)).toMatchObject({
      code: 'engine.failed',
      message: `The engine's tar of an output cannot be used: ${problem}.`,
    });
  });

  it.each<[string, readonly Entry[], string, string]>([
    [
      'a name that is not UTF-8',
      [dir, file('out/\uFFFD')],
      'kind',
      'holds "out/\uFFFD", a name that is not UTF-8',
    ],
    [
      'a second name of what is not taken',
      [dir, folder('out/a'), hardLink('out/a/y', 'out/x')],
      'kind',
      'holds "a/y", a second name of a file that is not part of the output',
    ],
    [
      'a file that is too large',
      [dir, folder('out/a'), file('out/a/x', 'x'.repeat(11))],
      'limit',
      'holds "a/x", which has 11 bytes, more than the limit of 10 (maxFileBytes)',
    ],
  ])('%s', async (_, entries, rejectCause, message) => {
    expect(await refused(entries, { account: accountOf(10) })).toMatchObject({ rejectCause, message });
  });

  it('nothing of its own where this host cannot hold it: that is told as it is', async () => {
    expect(await refused([dir, file(`out/${'n'.repeat(300)}`)])).toMatchObject({ code: 'ENAMETOOLONG' });
  });
});
