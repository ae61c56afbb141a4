import { expect, it } from 'vitest';
import { createLineSplitter, MAX_LINE_BYTES } from '../../src/execute/line-splitter.js';

const linesOf = (...pieces: readonly string[]): readonly string[] => {
  const lines: string[] = [];
  const splitter = createLineSplitter((line) => lines.push(line));
  for (const piece of pieces) splitter.push(piece);
  splitter.flush();
  return lines;
};

it('joins pieces, strips line ends, keeps empty lines and hands out the last line without an end', () => {
  expect(linesOf('one\ntw', 'o\r\n\nth', 'ree')).toEqual(['one', 'two', '', 'three']);
});

it('cuts a line that does not end, so that memory stays bounded', () => {
  const lines = linesOf('x'.repeat(MAX_LINE_BYTES + 1), 'y\n');
  expect(lines.map((line) => line.length)).toEqual([MAX_LINE_BYTES, 2]);
});

it('leaves a line as long as one may be whole, and hands out no end twice', () => {
  const lines: string[] = [];
  const splitter = createLineSplitter((line) => lines.push(line));
  splitter.push('x'.repeat(MAX_LINE_BYTES));
  expect(lines).toEqual([]);
  splitter.flush();
  splitter.flush();
  expect(lines.map((line) => line.length)).toEqual([MAX_LINE_BYTES]);
});

it('hands out nothing for nothing', () => {
  expect(linesOf('', 'a\n')).toEqual(['a']);
});

it('cuts every line that is too long, also one that comes with its end', () => {
  const sizes = linesOf(`${'x'.repeat(2 * MAX_LINE_BYTES + 1)}\ny\n`).map((line) => line.length);
  expect(sizes).toEqual([MAX_LINE_BYTES, MAX_LINE_BYTES, 1, 1]);
  expect(linesOf('a', `${'x'.repeat(MAX_LINE_BYTES)}\n`).map((line) => line.length)).toEqual([
    MAX_LINE_BYTES,
    1,
  ]);
});

it.each([
  ['of four bytes', '😀'],
  ['of three', '€'],
  ['of two', 'é'],
])('cuts between characters %s, by their bytes', (_, character) => {
  const text = `a${character.repeat(MAX_LINE_BYTES)}`;
  for (const lines of [linesOf(`${text}\n`), linesOf('a', text.slice(1), '\n')]) {
    expect(lines.join('')).toBe(text);
    for (const line of lines) {
      expect(line).not.toMatch(/\p{Cs}/u);
      expect(Buffer.byteLength(line)).toBeLessThanOrEqual(MAX_LINE_BYTES);
    }
    expect(lines).toHaveLength(Math.ceil(Buffer.byteLength(text) / MAX_LINE_BYTES));
  }
});

it.each(['\n', '\r\n'])('makes no empty line of an end just behind a cut (%j)', (end) => {
  const full = 'x'.repeat(MAX_LINE_BYTES);
  expect(linesOf(`${full}${end}\n`, 'y').map((line) => line.length)).toEqual([MAX_LINE_BYTES, 0, 1]);
});
