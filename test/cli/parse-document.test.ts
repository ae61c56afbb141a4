/** What is read as JSON, what as YAML, and where a mistake is said to be. */
import { describe, expect, it } from 'vitest';
import { parseDocument } from '../../src/cli/parse-document.js';

const read = (text: string, name = 'job.yaml'): unknown => parseDocument(text, { name, kind: 'definition' });
const failure = (text: string, name?: string): string => {
  try {
    read(text, name);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error('it was read');
};

describe('what is read', () => {
  it.each([
    ['YAML', 'docker:\n  image: busybox:1\n'],
    ['JSON under a YAML name', '{"docker":{"image":"busybox:1"}}'],
    ['YAML under no name', 'docker: { image: "busybox:1" } # comment', '<stdin>'],
    ['JSON', '{"docker":\n\t{"image":"busybox:1"}}', 'job.json'],
  ])('%s', (_what, text, name?: string) => {
    expect(read(text, name)).toEqual({ docker: { image: 'busybox:1' } });
  });

  it('aliases, a few of them', () => {
    expect(read('a: &x [1]\nb: *x\n')).toEqual({ a: [1], b: [1] });
  });

  it('words of YAML 1.1 as the text they are', () => {
    expect(read('a: no\nb: 2024-01-01\nc: 0o17\nd: 1_000')).toEqual({
      a: 'no',
      b: '2024-01-01',
      c: 15,
      d: '1_000',
    });
  });

  it('a key that would reach a prototype as a key of its own', () => {
    const value = read('__proto__: { polluted: true }');
    expect(Object.keys(value as object)).toEqual(['__proto__']);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });
});

describe('what is refused, and where', () => {
  it.each([
    ['a list that is not closed', 'docker:\n  image: [a\n  command: x\n', 'job.yaml:3:3: '],
    ['a tab as indentation', 'docker:\n\timage: a\n', 'job.yaml:2:1: '],
    ['the same key twice', 'docker:\n  image: a\n  image: b\n', 'job.yaml:3:3: '],
    ['a tag', 'docker:\n  image: !secret a\n', 'job.yaml:2:10: '],
    [
      'a second document',
      'a: 1\n---\nb: 2\n',
      'job.yaml:2:1: is not valid YAML: holds more than one document',
    ],
    ['an alias of nothing', 'a: 1\nb: *gone\n', 'job.yaml:2:4: is not valid YAML: unknown alias *gone'],
  ])('%s', (_what, text, start) => {
    expect(failure(text).slice(0, start.length)).toBe(start);
  });

  it('YAML under a JSON name, at its line and column', () => {
    expect(failure('{\n  "docker": {\n    image: 1\n  }\n}', 'job.json')).toMatch(
      /^job\.json:3:5: is not JSON: /,
    );
  });

  it('JSON that ends too early, at its end', () => {
    expect(failure('{\n  "docker": {', 'job.json')).toMatch(/^job\.json:2:14: is not JSON: /);
  });

  it('a few aliases that would grow into very many values', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let depth = 1; depth < 9; depth += 1) {
      const uses = Array.from({ length: 10 }, () => `*a${String(depth - 1)}`).join(', ');
      lines.push(`a${String(depth)}: &a${String(depth)} [${uses}]`);
    }
    expect(failure(lines.join('\n'))).toMatch(/alias/i);
  });

  it.each([
    ['lists in lists', '['.repeat(200_000), '1:101'],
    [
      'maps in maps',
      Array.from({ length: 2000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
      '100:100',
    ],
    ['lists in lists, on one line', '- '.repeat(100_000), '1:201'],
    ['keys in keys', '? '.repeat(50_000), '1:201'],
  ])('nesting without end: %s', (_what, text, place) => {
    expect(failure(text)).toBe(`job.yaml:${place}: is nested too deep`);
  });
});
