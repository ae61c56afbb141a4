import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkAbsolutePath,
  checkRelativePath,
  foldPath,
  isWithin,
  normalizeAbsolutePath,
  pathsOverlap,
} from '../../src/base/paths.js';

const BAD_SEGMENTS = [
  '.',
  '..',
  'a\\b',
  'a\0b',
  'a\nb',
  'a\tb',
  'a\u007fb',
  'a\u0085b',
  '\u202egnp.exe',
  'a\u200bb',
  '\ufeffa',
  'a\u2028b',
  'a\ud800b',
  '\udc00',
  '\uff0e\uff0e',
  '\uff0e',
  'a\uff0fb',
  'a\u2215b',
  'a\u2044b',
  'a\uff3cb',
  '\u2025',
  '\u2024\u2024',
  'cafe\u0301',
  'a.',
  'a...',
  'a ',
  'a\u00a0',
  'a\u3000',
  ' ',
  'x'.repeat(256),
  'é'.repeat(128),
];

const GOOD_SEGMENTS = [
  'a',
  '.hidden',
  '..a',
  'a.b',
  'a b',
  ' a',
  'a:b',
  '-rf',
  'é',
  '日本',
  '😀',
  '$(id)',
  'x'.repeat(255),
];

describe('checkRelativePath', () => {
  it.each(GOOD_SEGMENTS.map((segment) => [segment]))('accepts %j in every position', (segment) => {
    expect(checkRelativePath(`dir/${segment}`)).toBeNull();
    expect(checkRelativePath(`dir/${segment}/file`)).toBeNull();
    if (!segment.startsWith('a:')) expect(checkRelativePath(segment)).toBeNull();
  });

  it.each(BAD_SEGMENTS.map((segment) => [segment]))('refuses %j in every position', (segment) => {
    for (const path of [segment, `${segment}/file`, `dir/${segment}`, `dir/${segment}/file`]) {
      expect(checkRelativePath(path)).toEqual(expect.any(String));
      expect(checkAbsolutePath(`/${path}`)).toEqual(expect.any(String));
    }
  });

  it.each([
    [''],
    ['/'],
    ['/a'],
    ['a/'],
    ['a//b'],
    ['//'],
    ['C:'],
    ['C:/a'],
    ['c:a'],
    ['../a'],
    ['a/../../b'],
    ['./a'],
  ])('refuses %j', (path) => {
    expect(checkRelativePath(path)).toEqual(expect.any(String));
  });

  it('accepts 32 segments and 1,024 bytes, and no more', () => {
    expect(checkRelativePath(Array.from({ length: 32 }, () => 'a').join('/'))).toBeNull();
    expect(checkRelativePath(Array.from({ length: 33 }, () => 'a').join('/'))).toMatch(/32 segments/);
    const long = [255, 255, 255, 256 - 1].map((length) => 'x'.repeat(length)).join('/');
    expect(checkRelativePath(long.slice(0, 1024))).toBeNull();
    expect(checkRelativePath(`${long}/yy`)).toMatch(/1024 bytes/);
    expect(checkRelativePath(`${'é/'.repeat(341)}é/é`)).toMatch(/1024 bytes/);
    expect(checkRelativePath('x'.repeat(10_000_000))).toMatch(/1024 bytes/);
  });

  it('accepts no text that could leave its folder or name two places', () => {
    const unit = fc.oneof(
      fc.constantFrom('.', '/', '\\', ' ', 'a', '\0', '\u202e', '\uff0e', ':'),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 20 }), (path) => {
        if (checkRelativePath(path) !== null) return;
        const segments = path.split('/');
        expect(segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..')).toBe(true);
        expect(path).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\\]/u);
        expect(path.normalize('NFC')).toBe(path);
        expect(isWithin('/base', `/base/${path}`)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('does not repeat what may be a control sequence', () => {
    expect(checkRelativePath('a\u001b[2Jb')).not.toContain('\u001b');
  });
});

describe('checkAbsolutePath', () => {
  it.each([['/'], ['/a'], ['/a/b'], ['//a//b/'], ['/a:b'], ['/C:/x']])('accepts %j', (path) => {
    expect(checkAbsolutePath(path)).toBeNull();
  });

  it.each([[''], ['a'], ['./a'], ['/a/../b'], ['/a/./b'], ['C:/a'], ['\\a'], ['/workspace/../etc']])(
    'refuses %j',
    (path) => {
      expect(checkAbsolutePath(path)).toEqual(expect.any(String));
    },
  );
});

describe('normalizeAbsolutePath', () => {
  it.each([
    ['/', '/'],
    ['//', '/'],
    ['/a/', '/a'],
    ['//x//y', '/x/y'],
  ])('%j is %j', (path, expected) => {
    expect(normalizeAbsolutePath(path)).toBe(expected);
  });
});

describe('foldPath', () => {
  it.each([
    ['A/b', 'a/B'],
    ['Straße', 'STRASSE'],
    ['STRAẞE', 'strasse'],
    ['caf\u00e9', 'CAFE\u0301'],
    ['ΣΑΣ', 'σας'],
    ['\u212a', 'k'],
  ])('%j and %j are the same', (first, second) => {
    expect(foldPath(first)).toBe(foldPath(second));
  });

  it('keeps different names apart', () => {
    expect(foldPath('a/b')).not.toBe(foldPath('a/c'));
    expect(foldPath('e')).not.toBe(foldPath('é'));
  });

  it('is idempotent, and blind to normal forms', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (path) => {
        expect(foldPath(foldPath(path))).toBe(foldPath(path));
        expect(foldPath(path.normalize('NFD'))).toBe(foldPath(path.normalize('NFC')));
      }),
    );
  });
});

describe('isWithin', () => {
  it.each([
    ['/a', '/a', true],
    ['/a', '/a/b', true],
    ['/a/', '/a//b', true],
    ['/a', '/ab', false],
    ['/a/b', '/a', false],
    ['/', '/a', true],
    ['/', '/', true],
    ['a', 'a/b', true],
    ['a', '/a', false],
    ['/a', 'a', false],
    ['', 'a', true],
    ['/a', '/a/../b', false],
    ['/a', '/a/b/../c', true],
    ['/a', '/../a', true],
    ['', '..', false],
    ['a', 'a/../../a', false],
    ['..', '../x', true],
    ['..', '../../x', false],
    ['/A', '/a', false],
  ])('%j holds %j: %j', (parent, child, expected) => {
    expect(isWithin(parent, child)).toBe(expected);
  });
});

describe('pathsOverlap', () => {
  it.each([
    ['/a', '/a/b', true],
    ['/a/b', '/a', true],
    ['/a', '/a', true],
    ['/a', '/b', false],
    ['a/b', 'a/bc', false],
  ])('%j and %j: %j', (first, second, expected) => {
    expect(pathsOverlap(first, second)).toBe(expected);
    expect(pathsOverlap(second, first)).toBe(expected);
  });
});
