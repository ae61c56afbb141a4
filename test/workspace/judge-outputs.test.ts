/** Outputs are judged while a job writes them, by the rules by which they are collected, and never for what may still be in order at the end. */
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { openDirectory } from '../../src/host/node.js';
import { type JudgedOutputs, judgeOutputs, type OutputExcess } from '../../src/workspace/judge-outputs.js';
import { noSignal, openBelow, scratch } from '../host/scratch.js';

const LIMITS = { fileBytes: 100, outputBytes: 100, uploadBytes: 100, entries: 10, depth: 4 };

describe('outputs that are judged', () => {
  let root = '';
  beforeEach(async () => {
    root = await scratch();
  });
  const at = (path: string): string => join(root, path);
  const write = (path: string, sizeBytes: number): void => {
    mkdirSync(join(at(path), '..'), { recursive: true });
    writeFileSync(at(path), 'x'.repeat(sizeBytes));
  };
  const judge = async (
    paths: readonly string[],
    limits: Partial<JudgedOutputs['limits']> = {},
    signal = noSignal(),
  ): Promise<OutputExcess | null> => {
    const { handle } = await openDirectory(root);
    const outputs = paths.map((workspacePath) => ({ workspacePath }));
    try {
      return await judgeOutputs(handle, { outputs, limits: { ...LIMITS, ...limits } }, signal);
    } finally {
      await handle.close();
      expect(await openBelow(root)).toEqual([]);
    }
  };

  it('are no excess as long as nothing is there', async () => {
    expect(await judge(['out.txt', 'a/b', '*.csv', 'c/**/d'])).toBeNull();
  });

  it('may reach each limit', async () => {
    write('a', 60);
    write('d/b', 40);
    write('d/e/f/g', 0);
    expect(await judge(['a', 'd'], { fileBytes: 60, entries: 6, depth: 3 })).toBeNull();
  });

  it.each([
    ['fileBytes', { fileBytes: 9 }, 'has 10 bytes, more than the limit of 9 (maxFileBytes)'],
    [
      'outputBytes',
      { outputBytes: 9 },
      'has 10 bytes, more than the 9 bytes that are left for outputs of this run',
    ],
    [
      'uploadBytes',
      { uploadBytes: 9 },
      'has 10 bytes, more than the 9 bytes that are left for outputs of this run',
    ],
    [
      'entries',
      { entries: 0 },
      'has more files and folders than the 0 that are left for outputs of this run (outputs.maxEntries)',
    ],
  ])('may be no more than %s', async (_, limits, reason) => {
    write('a', 10);
    expect(await judge(['none', 'a'], limits)).toEqual({ workspacePath: 'a', reason });
  });

  it('count together', async () => {
    write('a', 60);
    write('b', 41);
    expect(await judge(['a'])).toBeNull();
    expect(await judge(['b'])).toBeNull();
    expect(await judge(['a', 'b'])).toMatchObject({
      workspacePath: 'b',
      reason: 'has 41 bytes, more than the 40 bytes that are left for outputs of this run',
    });
    expect(await judge(['a', 'b'], { outputBytes: 101, uploadBytes: 101, entries: 1 })).toMatchObject({
      workspacePath: 'b',
      reason: expect.stringContaining('than the 0 that are left') as string,
    });
  });

  it('count all of a folder, and say which file is too much by its path in it', async () => {
    write('out/d/a', 60);
    write('out/d/b', 41);
    expect(await judge(['out'])).toMatchObject({
      workspacePath: 'out',
      reason: expect.stringMatching(/^holds "d\/b", which has 41 bytes/) as string,
    });
    expect(await judge(['out'], { outputBytes: 101, uploadBytes: 101, entries: 2 })).toMatchObject({
      reason: expect.stringContaining('more files and folders than the 2') as string,
    });
    expect(await judge(['out'], { outputBytes: 101, uploadBytes: 101, depth: 1 })).toMatchObject({
      reason: 'a folder is too large: it is nested deeper than 1 folders',
    });
  });

  it('count of a glob what it means, and look into no folder without need', async () => {
    write('out/a.csv', 60);
    write('out/b.txt', 99);
    for (let index = 0; index < 12; index += 1) write(`out/deep/${String(index)}`, 99);
    expect(await judge(['out/*.csv'])).toBeNull();
    write('out/c.csv', 41);
    expect(await judge(['out/*.csv'])).toMatchObject({
      workspacePath: 'out/*.csv',
      reason: expect.stringMatching(/^holds "c.csv", which has 41 bytes/) as string,
    });
  });

  it('count of a glob what is at the top of the workspace', async () => {
    write('a.csv', 101);
    write('d/b.csv', 1);
    expect(await judge(['*.csv'])).toMatchObject({ workspacePath: '*.csv' });
    expect(await judge(['d/*.csv', '**/*.txt'])).toBeNull();
    expect(await judge(['**/*.csv'])).toMatchObject({ workspacePath: '**/*.csv' });
  });

  it('are nothing of a glob where a file stands in the place of its folder', async () => {
    write('out', 101);
    expect(await judge(['out/*.csv'])).toBeNull();
  });

  it('count a sparse file for what it says, and a link for nothing', async () => {
    write('big', 0);
    truncateSync(at('big'), 2 ** 40);
    mkdirSync(at('out'));
    symlinkSync('../big', at('out/link'));
    symlinkSync('big', at('link'));
    expect(await judge(['link', 'link/more', 'out'])).toBeNull();
    expect(await judge(['big'])).toMatchObject({
      reason: expect.stringMatching(/^has 1099511627776 bytes/) as string,
    });
  });

  it('are passed over where they cannot be looked at, and the next is judged', async () => {
    write('b', 101);
    expect(await judge(['n'.repeat(300), 'b'])).toMatchObject({ workspacePath: 'b' });
    expect(await judge(['n'.repeat(300)])).toBeNull();
  });

  it('are no excess when nobody wants to know any more', async () => {
    write('out/a', 101);
    write('b', 101);
    expect(await judge(['out', 'b'], {}, AbortSignal.abort())).toBeNull();
  });
});
