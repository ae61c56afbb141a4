import { describe, expect, it } from 'vitest';
import { readDockerIgnore } from '../../src/images/docker-ignore.js';

const rulesOf = (...lines: readonly string[]) => {
  const read = readDockerIgnore(lines.join('\n'), ['.dockerignore', 'Dockerfile']);
  if (!read.ok) throw new Error(read.problem);
  return read.rules;
};

describe('readDockerIgnore', () => {
  it.each<[readonly string[], readonly string[], readonly string[]]>([
    [['a'], ['a', 'a/b', 'a/b/c'], ['b', 'b/a', 'aa']],
    [['/a'], ['a'], ['b/a']],
    [['a/'], ['a', 'a/b'], ['b/a']],
    [['./a/../b'], ['b'], ['a']],
    [['*.log'], ['x.log'], ['d/x.log', 'x.log1', 'xlog']],
    [['*/*.log'], ['d/x.log'], ['x.log', 'd/e/x.log']],
    [['**/*.log'], ['x.log', 'd/x.log', 'd/e/x.log', 'd/x.log/y'], ['x.txt']],
    [['**'], ['x', 'd/x'], ['Dockerfile', '.dockerignore']],
    [['d/**'], ['d/x', 'd/e/x'], ['d', 'dx']],
    [['**foo'], ['foo', 'xfoo', 'd/foo', 'd/xfoo', 'd/foo/x'], ['foox']],
    [['**f?o'], ['foo', 'd/foo'], ['xfoo']],
    [['d/**/x'], ['d/x', 'd/e/x', 'd/e/f/x'], ['d/y', 'x']],
    [['a?c'], ['abc', 'aéc'], ['ac', 'a/c', 'abbc']],
    [['[ab]x'], ['ax', 'bx'], ['cx', '[ab]x']],
    [['[^ab]x'], ['cx'], ['ax']],
    [['[a-c]x'], ['bx'], ['dx', '-x']],
    [['\\*'], ['*'], ['x']],
    [['a.b+(c)'], ['a.b+(c)'], ['axb+(c)']],
    [['# a', ' #b', '', '  '], ['#b'], ['# a', 'a']],
    [['  a  '], ['a'], [' a']],
    [['*.md', '!README.md'], ['x.md'], ['README.md']],
    [['!README.md', '*.md'], ['x.md', 'README.md'], []],
    [
      ['*.md', '!README*.md', 'README-secret.md'],
      ['x.md', 'README-secret.md'],
      ['README.md', 'README-1.md'],
    ],
    [
      ['d', '!d/keep'],
      ['d', 'd/x'],
      ['d/keep', 'd/keep/x'],
    ],
    [['d', '! d/keep'], ['d/x'], ['d/keep']],
    [
      ['**/.env', '!app'],
      ['.env', 'app/.env', 'app/b/.env'],
      ['app', 'app/x'],
    ],
    [
      ['*/**b', '!?'],
      ['d/b', 'd/e/b'],
      ['d', 'd/a'],
    ],
    [
      ['*', '!d', 'd/e', '!d/e/keep'],
      ['x', 'd/e', 'd/e/x'],
      ['d', 'd/x', 'd/e/keep', 'd/e/keep/x'],
    ],
    [['Dockerfile', '.dockerignore', '*'], ['x'], ['Dockerfile', '.dockerignore']],
    [['\uFEFFa'], ['a'], []],
    [['a\r'], ['a'], []],
  ])('%j', (lines, ignored, sent) => {
    const { isIgnored } = rulesOf(...lines);
    expect(ignored.filter((path) => !isIgnored(path))).toEqual([]);
    expect(sent.filter(isIgnored)).toEqual([]);
  });

  it('looks into an ignored folder only for exceptions that name it', () => {
    const { mayHoldExceptions } = rulesOf('d', 'e', '!d/f/keep', '!**/other');
    expect(['d', 'd/f', 'e', 'd/g'].map(mayHoldExceptions)).toEqual([true, true, false, false]);
  });

  it.each([
    ['**/'.repeat(20) + 'x', 'a/'.repeat(60) + 'y'],
    ['*a'.repeat(20) + 'b', 'a'.repeat(120)],
    ['a**'.repeat(20) + 'b', 'a/'.repeat(60) + 'y'],
  ])('is done with any pattern: %s', (line, path) => {
    expect(rulesOf(line).isIgnored(path)).toBe(false);
    expect(rulesOf(line).isIgnored(path.replace(/.$/, line.slice(-1)))).toBe(true);
  });

  it.each(['a[', '[', '!', 'a\\', '[]a'])('says which line is no pattern: %s', (line) => {
    expect(readDockerIgnore(`ok\n${line}`, [])).toEqual({
      ok: false,
      problem: 'line 2 of .dockerignore is no pattern Docker understands',
    });
  });
});
