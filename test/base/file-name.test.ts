import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkRelativePath } from '../../src/base/paths.js';
import { escapeFileName } from '../../src/base/file-name.js';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('escapeFileName', () => {
  it.each([
    ['report.csv', 'report.csv'],
    ['-rf', '-rf'],
    ['..a', '..a'],
    ['größe 100%.txt', 'größe 100%.txt'],
    ['a%41', 'a%2541'],
    ['a\nb', 'a%0Ab'],
    ['a\\b', 'a%5Cb'],
    ['C:x', 'C%3Ax'],
    ['a ', 'a%20'],
    ['a.', 'a%2E'],
    ['e\u0301', 'e%CC%81'],
    ['\n\u0300', '%0A%CC%80'],
    ['\u202egnp.exe', '%E2%80%AEgnp.exe'],
    ['a\u3000', 'a%E3%80%80'],
    ['．．', '%EF%BC%8E%EF%BC%8E'],
  ])('%j gives %j', (name, expected) => {
    expect(escapeFileName(utf8(name))).toBe(expected);
  });

  it('escapes what is not UTF-8, byte by byte', () => {
    expect(escapeFileName(Uint8Array.of(0x61, 0xff, 0x62))).toBe('a%FFb');
    expect(escapeFileName(Uint8Array.of(0xc3, 0x28))).toBe('%C3(');
  });

  /** What the kernel allows for a name. */
  const names = fc
    .oneof(
      // A mark that combines after what becomes an escape.
      fc
        .array(fc.constantFrom('\n', '\\', '%', 'a', '\u0300', '\u0301'), { minLength: 1, maxLength: 6 })
        .map((characters) => utf8(characters.join(''))),
      fc.uint8Array({ minLength: 1, maxLength: 12 }),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }).map(utf8),
      fc.stringMatching(/^[%.0-9aF \\:]{1,8}$/).map(utf8),
    )
    .filter((bytes) => bytes.length > 0 && !bytes.includes(0) && !bytes.includes(0x2f))
    .filter((bytes) => !['.', '..'].includes(Buffer.from(bytes).toString('latin1')));

  it('always gives an acceptable path of one name, from which the bytes can be told', () => {
    fc.assert(
      fc.property(names, (bytes) => {
        const name = escapeFileName(bytes);
        expect(checkRelativePath(name)).toBeNull();
        expect(name).not.toContain('/');
        const back = Buffer.from(
          Buffer.from(name)
            .toString('latin1')
            .replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
          'latin1',
        );
        expect(back.equals(bytes)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
