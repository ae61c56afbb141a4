import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasWildcard, matchesWildcard } from '../../src/base/wildcard.js';

/** The textbook table, as slow and as plain as can be. */
function matchesByTable(pattern: string, subject: string): boolean {
  const wanted = Array.from(pattern);
  const found = Array.from(subject);
  let row = [true, ...found.map(() => false)];
  for (const token of wanted) {
    const next = [token === '*' && row[0] === true];
    found.forEach((character, index) => {
      const before = row[index] === true;
      next.push(
        token === '*'
          ? next[index] === true || row[index + 1] === true
          : before && (token === '?' || token === character),
      );
    });
    row = next;
  }
  return row.at(-1) === true;
}

describe('matchesWildcard', () => {
  it.each([
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'reg.local:5000/a/b:1@sha256:0', true],
    ['**', 'a', true],
    ['?', '', false],
    ['?', 'a', true],
    ['?', 'ab', false],
    ['?', '\u{1f600}', true],
    ['a?c', 'abc', true],
    ['a*c', 'ac', true],
    ['a*c', 'a/b:c', true],
    ['a*c', 'acd', false],
    ['bc', 'abcd', false],
    ['*bc', 'abcbc', true],
    ['a*b*c', 'a1b2b3c', true],
    ['Abc', 'abc', false],
    ['a.c', 'abc', false],
    ['a+', 'aa', false],
    ['[ab]', 'a', false],
    ['(a|b)', 'a', false],
    ['^a$', 'a', false],
    ['a\\*', 'a\\bc', true],
    ['*?*', '', false],
    ['*\n', 'a\n', true],
  ])('%j on %j is %j', (pattern, subject, expected) => {
    expect(matchesWildcard(pattern, subject)).toBe(expected);
  });

  it('agrees with the textbook table', () => {
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '/'), maxLength: 12 });
    const subject = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 16 });
    fc.assert(
      fc.property(pattern, subject, (wanted, found) => {
        expect(matchesWildcard(wanted, found)).toBe(matchesByTable(wanted, found));
      }),
      { numRuns: 3000 },
    );
  });

  it('ends on input that makes backtracking matchers explode', () => {
    expect(matchesWildcard(`${'*a'.repeat(200)}*b`, 'a'.repeat(5000))).toBe(false);
    expect(matchesWildcard('*'.repeat(5000), 'a'.repeat(5000))).toBe(true);
  });
});

describe('hasWildcard', () => {
  it.each([
    ['a', false],
    ['a*', true],
    ['?', true],
    ['', false],
  ])('%j: %j', (pattern, expected) => {
    expect(hasWildcard(pattern)).toBe(expected);
  });
});
