import { expect, it } from 'vitest';
import { createLineSplitter, MAX_LINE_CHARS } from '../../src/execute/line-splitter.js';

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
  const lines = linesOf('x'.repeat(MAX_LINE_CHARS + 1), 'y\n');
  expect(lines.map((line) => line.length)).toEqual([MAX_LINE_CHARS, 2]);
});

it('leaves a line as long as one may be whole, and hands out no end twice', () => {
  const lines: string[] = [];
  const splitter = createLineSplitter((line) => lines.push(line));
  splitter.push('x'.repeat(MAX_LINE_CHARS));
  expect(lines).toEqual([]);
  splitter.flush();
  splitter.flush();
  expect(lines.map((line) => line.length)).toEqual([MAX_LINE_CHARS]);
});

it('hands out nothing for nothing', () => {
  expect(linesOf('', 'a\n')).toEqual(['a']);
});
