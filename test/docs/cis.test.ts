/** The page on the CIS benchmark tells of every check that is tested, and of no other. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const numbers = (texts: Iterable<RegExpMatchArray>): readonly string[] =>
  [...texts].flatMap(([, list = '']) => list.trim().split(', ')).sort();

it('has a row for every check', () => {
  const told = numbers(read('docs/cis.md').matchAll(/^\| (5\.[\d., ]+)\|/gm));
  const tested = numbers(read('test/integration/cis.test.ts').matchAll(/^ {4}'(5\.[\d., ]+)',$/gm));
  expect(tested.length).toBeGreaterThan(30);
  expect(told).toEqual(tested);
});
