import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, lasting } from '../../src/base/canonical-json.js';

describe('canonicalJson', () => {
  it.each([
    [null, 'null'],
    [true, 'true'],
    [-0, '0'],
    [1e21, '1e+21'],
    [0.1, '0.1'],
    ['a"\u0001é', '"a\\"\\u0001é"'],
    [[], '[]'],
    [{}, '{}'],
    [{ b: 1, a: [2, { d: 3, c: 4 }] }, '{"a":[2,{"c":4,"d":3}],"b":1}'],
    [
      { '\u20ac': 1, '\r': 2, '1': 3, '\u{1f600}': 4, '\ufb33': 5 },
      '{"\\r":2,"1":3,"€":1,"😀":4,"\ufb33":5}',
    ],
    [{ a: undefined, b: 1 }, '{"b":1}'],
    [Object.assign(Object.create(null) as object, { a: 1 }), '{"a":1}'],
    [JSON.parse('{"__proto__":1}'), '{"__proto__":1}'],
  ])('%j', (value, expected) => {
    expect(canonicalJson(value)).toBe(expected);
  });

  it.each([1, 1_000, 200_000])('writes %d characters of every width', (length) => {
    for (const character of ['a', '"', 'é', '€', '😀', '\u007f']) {
      const text = character.repeat(length);
      expect(canonicalJson({ [text]: [text] })).toBe(JSON.stringify({ [text]: [text] }));
    }
  });

  it('writes a value whose getter has another one written', () => {
    const value = {
      a: 'before',
      get b() {
        return canonicalJson(['meanwhile', 1]);
      },
      c: 'after',
    };
    const expected = '{"a":"before","b":"[\\"meanwhile\\",1]","c":"after"}';
    expect(canonicalJson(value)).toBe(expected);
    expect(canonicalJson(value)).toBe(expected);
  });

  it('begins anew after a value it refused', () => {
    expect(() => canonicalJson(['first', undefined])).toThrow(TypeError);
    expect(canonicalJson(['second'])).toBe('["second"]');
  });

  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  const sparse: unknown[] = [];
  sparse.length = 2;
  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['undefined in an array', [undefined]],
    ['a hole', sparse],
    ['NaN', Number.NaN],
    ['infinity', [Number.NEGATIVE_INFINITY]],
    ['a big integer', 1n],
    ['a symbol', Symbol('x')],
    ['a function', () => 1],
    ['a date', new Date(0)],
    ['a map', new Map()],
    ['bytes', new Uint8Array(1)],
    ['a lone surrogate', '\ud800'],
    ['a lone surrogate in a key', { '\udc00': 1 }],
    ['a cycle', cycle],
  ])('refuses %s', (_, value) => {
    expect(() => canonicalJson(value)).toThrow(TypeError);
  });

  it('keeps the value, and gives equal text whatever the order of keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(reversed(value))).toBe(text);
      }),
    );
  });
});

describe('lasting', () => {
  it('freezes a value, and changes no text it is in, however often', () => {
    fc.assert(
      fc.property(fc.oneof(fc.array(fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue())), (value) => {
        const expected = canonicalJson({ b: [value], a: value });
        const kept = lasting(value);
        expect(kept).toBe(value);
        expect(Object.isFrozen(kept)).toBe(true);
        for (let time = 0; time < 2; time += 1) {
          expect(canonicalJson({ b: [kept], a: kept })).toBe(expected);
        }
      }),
    );
  });
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}
