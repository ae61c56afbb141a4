import { describe, expect, it } from 'vitest';
import { oneLine, shortened } from '../../src/base/one-line.js';

describe('a text of one line', () => {
  it.each([
    ['echo a\necho b\r\n\tend', 'echo a\\necho b\\r\\n\\tend'],
    ['\u001b[31mred\u0000\u007f\u009b', '\\u001b[31mred\\u0000\\u007f\\u009b'],
    ['a\u2028b\u2029c\u202ed\u2066e', 'a\\u2028b\\u2029c\\u202ed\\u2066e'],
    ['plain – text, 😀 and "\\n"', 'plain – text, 😀 and "\\n"'],
  ])('%j', (text, line) => {
    expect(oneLine(text)).toBe(line);
  });
});

describe('a text that is shortened', () => {
  it.each([
    ['abcde', 'abcde'],
    ['abcdef', 'abcd…'],
    ['abc😀', 'abc😀'],
    ['abc😀d', 'abc…'],
    ['ab😀cd', 'ab😀…'],
  ])('%j', (text, short) => {
    expect(shortened(text, 5)).toBe(short);
  });
});
