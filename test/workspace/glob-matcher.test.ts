/** The glob of an output: `*` and `?` within one name, `**` over any number of folders, and nothing else that is special. */
import { describe, expect, it } from 'vitest';
import { createGlobMatcher } from '../../src/workspace/glob-matcher.js';

describe('a glob', () => {
  it.each([
    ['out/*.txt', 'out/a.txt', true],
    ['out/*.txt', 'out/.a.txt', true],
    ['out/*.txt', 'out/sub/a.txt', false],
    ['out/?.txt', 'out/a.txt', true],
    ['out/?.txt', 'out/ab.txt', false],
    ['out/**/a.txt', 'out/a.txt', true],
    ['out/**/a.txt', 'out/x/.y/a.txt', true],
    ['out/**', 'out/x/y', true],
    ['!out/*', '!out/a', true],
    ['!out/*', 'other', false],
    ['#out/*', '#out/a', true],
    ['out/{a,b}*', 'out/{a,b}1', true],
    ['out/{a,b}*', 'out/a1', false],
    ['out/[ab]*', 'out/[ab]1', true],
    ['out/[ab]*', 'out/a1', false],
    ['out/+(a)*', 'out/+(a)1', true],
    ['out/+(a)*', 'out/aa1', false],
    ['out/*\\b', 'out/a\\b', true],
  ])('%s matches %s: %s', async (glob, path, expected) => {
    expect((await createGlobMatcher(glob)).matches(path)).toBe(expected);
  });

  it.each([
    ['out/*/a.txt', 'out', true],
    ['out/*/a.txt', 'out/x', true],
    ['out/*/a.txt', 'out/a.txt', true],
    ['out/*/a.txt', 'out/x/a.txt', false],
    ['out/*/a.txt', 'other', false],
    ['out/*.txt', 'out', true],
    ['out/*.txt', 'out/a.txt', false],
    ['out/**', 'out/x/y/z', true],
    ['out/**', 'other/x', false],
  ])('%s may match something beneath %s: %s', async (glob, folder, expected) => {
    expect((await createGlobMatcher(glob)).mayMatchBeneath(folder)).toBe(expected);
  });
});
