import { describe, expect, it } from 'vitest';
import { deepFreeze, freezeMade } from '../../src/base/deep-freeze.js';

describe('deepFreeze', () => {
  it('freezes objects and arrays all the way down and returns the same value', () => {
    const value = { list: [{ deep: true }], inner: Object.freeze({ late: { thing: 1 } }) };
    expect(deepFreeze(value)).toBe(value);
    expect([value, value.list, value.list[0], value.inner.late].every((part) => Object.isFrozen(part))).toBe(
      true,
    );
  });

  it('survives cycles and leaves bytes, instances and functions alone', () => {
    const value: Record<string, unknown> = { bytes: new Uint8Array(2), when: new Map(), act: () => 1 };
    value['self'] = value;
    deepFreeze(value);
    expect(Object.isFrozen(value)).toBe(true);
    expect(Object.isFrozen(value['bytes'])).toBe(false);
    expect(Object.isFrozen(value['when'])).toBe(false);
    expect(Object.isFrozen(value['act'])).toBe(false);
  });

  it('calls no getter', () => {
    const value = Object.defineProperty({}, 'trap', {
      enumerable: true,
      get: () => {
        throw new Error('called');
      },
    });
    expect(Object.isFrozen(deepFreeze(value))).toBe(true);
  });

  it.each([[null], [undefined], [1], ['text']])('returns %j as it is', (value) => {
    expect(deepFreeze(value)).toBe(value);
  });

  it('needs no stack for deep values', () => {
    let value: unknown[] = [];
    for (let depth = 0; depth < 100_000; depth += 1) value = [value];
    expect(Object.isFrozen(deepFreeze(value)[0])).toBe(true);
  });
});

describe('freezeMade', () => {
  it('freezes objects and arrays all the way down and returns the same value', () => {
    const value = { list: [{ deep: true }], frozen: Object.freeze({ number: 1 }) };
    expect(freezeMade(value)).toBe(value);
    expect([value, value.list, value.list[0]].every((part) => Object.isFrozen(part))).toBe(true);
  });

  it('survives cycles and deep values, and leaves bytes and functions alone', () => {
    const value: Record<string, unknown> = { bytes: new Uint8Array(2), act: () => 1 };
    value['self'] = value;
    let deep: unknown[] = [];
    for (let depth = 0; depth < 100_000; depth += 1) deep = [deep];
    value['deep'] = deep;
    freezeMade(value);
    expect(Object.isFrozen(value)).toBe(true);
    expect(Object.isFrozen(deep[0])).toBe(true);
    expect(Object.isFrozen(value['bytes'])).toBe(false);
    expect(Object.isFrozen(value['act'])).toBe(false);
  });

  it.each([[null], [undefined], [1], ['text']])('returns %j as it is', (value) => {
    expect(freezeMade(value)).toBe(value);
  });
});
