/** `--param`, `--file` and `--output`. */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readFiles, readOutput, readParameters } from '../../src/cli/pairs.js';
import { temporaryFolder } from './fixture.js';

describe('parameters', () => {
  it.each<[string, unknown]>([
    ['a=3', 3],
    ['a=true', true],
    ['a=null', null],
    ['a=[1,"x"]', [1, 'x']],
    ['a={"b":1}', { b: 1 }],
    ['a="3"', '3'],
    ['a=three', 'three'],
    ['a=', ''],
    ['a=x=y', 'x=y'],
    ['a=01', '01'],
    ['a=[1', '[1'],
  ])('%s', (text, value) => {
    expect(readParameters([text])).toEqual({ a: value });
  });

  it('the last of equal names counts', () => {
    expect(readParameters(['a=1', 'b=2', 'a=3'])).toEqual({ a: 3, b: 2 });
  });

  it.each(['a', '=1', ''])('%j is refused', (text) => {
    expect(() => readParameters([text])).toThrow('--param: must be name=value; got');
  });

  it('a name that would reach a prototype is a name like any other', () => {
    expect(Object.keys(readParameters(['__proto__={"polluted":true}']))).toEqual(['__proto__']);
  });
});

describe('files', () => {
  it('are absolute, and may be folders', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'local.txt'), '');
    await mkdir(join(folder, 'data'));
    expect(await readFiles(['in/a.txt=local.txt', 'all=./data'], folder)).toEqual({
      'in/a.txt': { path: join(folder, 'local.txt') },
      all: { path: join(folder, 'data') },
    });
  });

  it.each([
    ['a.txt=gone', '--file a.txt: gone: no such file or folder'],
    ['a.txt=', '--file a.txt: the local path is missing'],
    ['a.txt', '--file: must be workspace/path=local/path; got "a.txt"'],
  ])('%s is refused', async (text, message) => {
    await expect(readFiles([text], await temporaryFolder())).rejects.toThrow(message);
  });

  it('that are links are refused: they would not be followed', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'local.txt'), '');
    await symlink('local.txt', join(folder, 'link'));
    await expect(readFiles(['a.txt=link'], folder)).rejects.toThrow(
      '--file a.txt: link: is a symbolic link, which is not followed; name what it leads to',
    );
  });
});

describe('the folder for outputs', () => {
  it('is absolute, and need not be there', async () => {
    const folder = await temporaryFolder();
    expect(await readOutput('new/results', folder)).toBe(join(folder, 'new/results'));
    expect(await readOutput('.', folder)).toBe(folder);
  });

  it('is no file, and not nothing', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'taken'), '');
    await expect(readOutput('taken', folder)).rejects.toThrow('--output: taken: is a file, not a folder');
    await expect(readOutput('', folder)).rejects.toThrow('--output: must be a folder');
  });
});
