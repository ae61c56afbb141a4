/** Every test that the threat model names is there, under that name, and every threat has one. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const NAMED = /`([\w./-]+\.test\.ts): ([^`]+)`/g;
const root = new URL('../../', import.meta.url);

/** The titles in a file: the words of `describe` and `it`, also behind `.each(…)`, whatever the quotes. */
function titlesOf(file: string): readonly string[] {
  const text = readFileSync(new URL(`test/${file}`, root), 'utf8');
  return [...text.matchAll(/\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`),/g)].map(
    ([, single, double, template]) => single ?? double ?? template ?? '',
  );
}

const text = readFileSync(new URL('docs/threat-model.md', root), 'utf8');

describe('the threat model', () => {
  it('names tests that are there', () => {
    const references = [...text.matchAll(NAMED)].map(([, file = '', title = '']) => ({ file, title }));
    const missing = references.filter(
      ({ file, title }) => !existsSync(new URL(`test/${file}`, root)) || !titlesOf(file).includes(title),
    );
    expect(missing).toEqual([]);
  });

  it('names one for every threat', () => {
    const threats = text.slice(text.indexOf('## Threats'), text.indexOf('## Residual risk'));
    const rows = threats.split('\n').filter((line) => /^\| (?!threat |-)/.test(line));
    expect(rows.length).toBeGreaterThan(20);
    expect(rows.filter((row) => !row.includes('.test.ts: '))).toEqual([]);
  });
});
