import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBoolean } from '../../src/base/boolean-text.js';
import { formatBytes, parseByteSize } from '../../src/base/byte-size.js';
import { parseDuration } from '../../src/base/duration.js';

describe('parseByteSize', () => {
  it.each([
    ['0', 0],
    ['512', 512],
    [' 512 ', 512],
    ['1kB', 1000],
    ['10MB', 10_000_000],
    ['10GB', 10_000_000_000],
    ['2TB', 2_000_000_000_000],
    ['1KiB', 1024],
    ['512MiB', 536_870_912],
    ['10GiB', 10_737_418_240],
    ['1TiB', 1_099_511_627_776],
    ['1k', 1024],
    ['512m', 536_870_912],
    ['2g', 2_147_483_648],
    ['1t', 1_099_511_627_776],
    ['10 GiB', 10_737_418_240],
    ['1.5GiB', 1_610_612_736],
    ['0.5kB', 500],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    [0, 0],
    [1024, 1024],
  ])('%j is %d', (input, expected) => {
    expect(parseByteSize(input)).toEqual({ ok: true, value: expected });
  });

  it.each([
    [''],
    [' '],
    ['GB'],
    ['-5'],
    ['+5'],
    ['1e3'],
    ['0x10'],
    ['010'],
    ['1.5'],
    ['.5k'],
    ['1.k'],
    ['0.1k'],
    ['1.0000000001GB'],
    ['10M'],
    ['10K'],
    ['10G'],
    ['10KB'],
    ['10kb'],
    ['10mb'],
    ['10Gb'],
    ['10B'],
    ['10kib'],
    ['10 000'],
    ['10,000'],
    ['1_000'],
    ['10  GB'],
    ['10GBx'],
    ['unlimited'],
    ['NaN'],
    ['Infinity'],
    ['１０'],
    ['9007199254740992'],
    ['9007199254741TB'],
    [`1${'0'.repeat(100_000)}`],
    [-1],
    [1.5],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [2 ** 53],
  ])('refuses %j and says what is allowed', (input) => {
    const result = parseByteSize(input);
    expect(result.ok ? result.value : result.problem).toMatch(/^must be a whole number of bytes.*KiB/);
  });

  it('is exact wherever it accepts', () => {
    const unit = fc.constantFrom<[string, bigint]>(['kB', 1000n], ['MiB', 1024n ** 2n], ['g', 1024n ** 3n]);
    fc.assert(
      fc.property(fc.nat(100_000), fc.nat(9999), unit, (whole, fraction, [name, worth]) => {
        const result = parseByteSize(`${String(whole)}.${String(fraction).padStart(4, '0')}${name}`);
        const scaled = (BigInt(whole) * 10_000n + BigInt(fraction)) * worth;
        expect(result.ok).toBe(scaled % 10_000n === 0n);
        if (result.ok) expect(BigInt(result.value)).toBe(scaled / 10_000n);
      }),
    );
  });
});

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [128, '128 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [10_737_418_240, '10 GiB'],
    [10_737_418_241, '10 GiB (10737418241 B)'],
    [Number.MAX_SAFE_INTEGER, '8 PiB (9007199254740991 B)'],
  ])('%d is %s', (bytes, expected) => {
    expect(formatBytes(bytes)).toBe(expected);
  });

  it('never writes two sizes alike', () => {
    const size = fc.maxSafeNat();
    fc.assert(
      fc.property(size, fc.integer({ min: 1, max: 5 }), (bytes, more) => {
        expect(formatBytes(bytes)).not.toBe(formatBytes(bytes + more));
      }),
    );
  });
});

describe('parseDuration', () => {
  it.each([
    ['10s', 10_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['250ms', 250],
    ['5000', 5000],
    ['1.5s', 1500],
    ['0', 0],
    [5000, 5000],
  ])('%j is %d ms', (input, expected) => {
    expect(parseDuration(input)).toEqual({ ok: true, value: expected });
  });

  it.each([
    [''],
    ['s'],
    ['10S'],
    ['1d'],
    ['1h30m'],
    ['-1s'],
    ['0.0001s'],
    ['10 seconds'],
    [-1],
    [0.5],
    [Number.NaN],
  ])('refuses %j', (input) => {
    const result = parseDuration(input);
    expect(result.ok ? result.value : result.problem).toMatch(/milliseconds/);
  });
});

describe('parseBoolean', () => {
  it.each([
    ...['1', 'true', 'yes', 'on', 'TRUE', ' Yes ', 'On\n'].map((text) => [text, true] as const),
    ...['0', 'false', 'no', 'off', 'FALSE', ' No ', 'oFF'].map((text) => [text, false] as const),
    ['', undefined] as const,
    ['  ', undefined] as const,
  ])('%j is %j', (text, expected) => {
    expect(parseBoolean(text)).toEqual({ ok: true, value: expected });
  });

  it.each([['2'], ['y'], ['enabled'], ['truee'], ['null'], ['01']])('refuses %j', (text) => {
    expect(parseBoolean(text)).toEqual({ ok: false, problem: expect.stringContaining('true') as string });
  });
});
