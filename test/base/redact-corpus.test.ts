/** Streaming redaction against a corpus of awkward phrases, cut everywhere, and against a slow obvious oracle. Single forms are tested beside the redactor's own tests. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../src/base/redact.js';
import { secretForms } from '../../src/base/secret-forms.js';

type Secrets = readonly string[];

/** Redacts data handed over in the given pieces. */
function inPieces(secrets: Secrets, pieces: readonly Uint8Array[]): Buffer {
  const stream = createRedactor(secrets).stream();
  const parts = pieces.map((piece) => Buffer.from(stream.push(piece)));
  return Buffer.concat([...parts, stream.flush()]);
}

/** Cuts data before each of the positions. */
function cutAt(data: Buffer, positions: readonly number[]): readonly Buffer[] {
  const borders = [0, ...[...positions].sort((first, second) => first - second), data.length];
  return borders.slice(1).map((end, index) => data.subarray(borders[index], end));
}

const isWord = (byte: number | undefined): boolean =>
  byte !== undefined && /\w/.test(String.fromCharCode(byte));

/** Which bytes belong to a secret: every form tried at every position. */
function secretBytes(secrets: Secrets, data: Buffer): readonly boolean[] {
  const marked = Array.from(data, () => false);
  for (const { bytes, wholeToken } of secrets.flatMap((secret) => secretForms(secret))) {
    for (let start = 0; start + bytes.length <= data.length; start += 1) {
      const end = start + bytes.length;
      if (!data.subarray(start, end).equals(bytes)) continue;
      if (wholeToken && (isWord(data[start - 1]) || isWord(data[end]))) continue;
      marked.fill(true, start, end);
    }
  }
  return marked;
}

/** The bytes outside of secrets, in runs; between two runs stood one secret or more. */
function survivors(secrets: Secrets, data: Buffer): readonly string[] {
  const marked = secretBytes(secrets, data);
  const runs: string[] = [''];
  for (const [index, byte] of data.entries()) {
    if (marked[index] === true) {
      if (marked[index - 1] !== true) runs.push('');
    } else runs.push(`${runs.pop() ?? ''}${String.fromCharCode(byte)}`);
  }
  return runs;
}

/** The output's bytes outside of marks. Only for data that has no asterisk of its own. */
const betweenMarks = (output: Buffer): readonly string[] => output.toString('latin1').split(/(?:\*\*\*)+/);

interface Case {
  readonly name: string;
  readonly secrets: Secrets;
  readonly input: string;
  readonly output: string;
}

const CORPUS: readonly Case[] = [
  { name: 'a phrase alone', secrets: ['alphabet'], input: 'alphabet', output: '***' },
  { name: 'a phrase in a line', secrets: ['alphabet'], input: 'an alphabet.\n', output: 'an ***.\n' },
  { name: 'no phrase', secrets: ['alphabet'], input: 'alphabe alphabeT', output: 'alphabe alphabeT' },
  {
    name: 'the same phrase twice in a row',
    secrets: ['alphabet'],
    input: '<alphabetalphabet>',
    output: '<******>',
  },
  {
    name: 'two phrases next to each other',
    secrets: ['alphabet', 'numerals'],
    input: '<alphabetnumerals>',
    output: '<******>',
  },
  {
    name: 'two phrases with a byte between',
    secrets: ['alphabet', 'numerals'],
    input: 'alphabet,numerals',
    output: '***,***',
  },
  {
    name: 'a phrase inside another',
    secrets: ['abcabc', 'xabcabcd'],
    input: 'abcabc xabcabcd xabcabc',
    output: '*** *** x***',
  },
  {
    name: 'a phrase that begins another',
    secrets: ['secret1', 'secret1234'],
    input: 'secret1234 secret123 secret1',
    output: '*** ***23 ***',
  },
  {
    name: 'a phrase that ends another',
    secrets: ['tail-end', 'the-tail-end'],
    input: 'the-tail-end tail-end he-tail-end',
    output: '*** *** he-***',
  },
  { name: 'phrases that overlap', secrets: ['abcdef', 'efghij'], input: '-abcdefghij-', output: '-***-' },
  {
    name: 'three phrases in a chain',
    secrets: ['abcdef', 'efghij', 'ijklmn'],
    input: '-abcdefghijklmn-',
    output: '-***-',
  },
  { name: 'a phrase that overlaps itself', secrets: ['ababab'], input: '-abababab-', output: '-***-' },
  { name: 'a false start before a phrase', secrets: ['aaaaab'], input: 'aaaaaaaab', output: 'aaa***' },
  {
    name: 'a long false start with a phrase in it',
    secrets: ['aabbcc', 'xaabbccyy'],
    input: 'xaabbccyz',
    output: 'x***yz',
  },
  {
    name: 'the start of a phrase at the end',
    secrets: ['alphabet'],
    input: 'an alphabe',
    output: 'an alphabe',
  },
  {
    name: 'short phrases nested',
    secrets: ['abc', 'abcd'],
    input: 'abc abcd abcde',
    output: '*** *** abcde',
  },
  {
    name: 'short phrases that overlap',
    secrets: ['ab', 'bc'],
    input: 'abc ab bc ab,bc',
    output: 'abc *** *** ***,***',
  },
  { name: 'a short phrase at both ends', secrets: ['ab'], input: 'ab-ab', output: '***-***' },
  {
    name: 'a short phrase inside a long one',
    secrets: ['b-c', 'a-b-c-d'],
    input: 'a-b-c-d b-c',
    output: '*** ***',
  },
  { name: 'CRLF after a phrase', secrets: ['alphabet'], input: 'alphabet\r\nx\r\n', output: '***\r\nx\r\n' },
  {
    name: 'lines in CRLF for a phrase in LF',
    secrets: ['line-one\nline-two'],
    input: '<line-one\r\nline-two>',
    output: '<***>',
  },
  {
    name: 'lines in LF for a phrase in CRLF',
    secrets: ['line-one\r\nline-two'],
    input: '<line-one\nline-two>',
    output: '<***>',
  },
  {
    name: 'lines of a phrase far from each other',
    secrets: ['line-one\nline-two'],
    input: 'line-two, line-one',
    output: '***, ***',
  },
  {
    name: 'short lines as a whole, and as whole words',
    secrets: ['ab\ncd\nef'],
    input: 'ab\ncd\nef ab cdx',
    output: '*** *** cdx',
  },
  {
    name: 'a phrase stored with its line end',
    secrets: ['alphabet\n'],
    input: 'alphabet\nalphabet!',
    output: '******!',
  },
  {
    name: 'a phrase with a line end printed without',
    secrets: ['alphabet\r\n'],
    input: 'alphabet',
    output: '***',
  },
  {
    name: 'characters of several bytes',
    secrets: ['pässwörter'],
    input: 'ä pässwörter ö',
    output: 'ä *** ö',
  },
  {
    name: 'characters of four bytes',
    secrets: ['🔑🔑🔑🔑🔑🔑'],
    input: '🔑 🔑🔑🔑🔑🔑🔑!',
    output: '🔑 ***!',
  },
  {
    name: 'a first byte shared with other characters',
    secrets: ['éééééé'],
    input: 'èéêéééééé',
    output: 'èéê***',
  },
  {
    name: 'marks of the job itself',
    secrets: ['alphabet'],
    input: '*** alphabet ***',
    output: '*** *** ***',
  },
];

describe('the corpus', () => {
  it.each(CORPUS)('$name, cut at every border', ({ secrets, input, output }) => {
    const data = Buffer.from(input);
    expect(inPieces(secrets, [data]).toString()).toBe(output);
    expect(createRedactor(secrets).text(input)).toBe(output);
    for (let first = 0; first <= data.length; first += 1) {
      for (let second = first; second <= data.length; second += 1) {
        expect(inPieces(secrets, cutAt(data, [first, second])).toString()).toBe(output);
      }
    }
    expect(inPieces(secrets, cutAt(data, [...data.keys()])).toString()).toBe(output);
  });

  it.each(CORPUS)('$name, as the oracle says', ({ secrets, input }) => {
    const data = Buffer.from(input.replaceAll('*', '+'));
    expect(betweenMarks(inPieces(secrets, [data]))).toEqual(survivors(secrets, data));
  });

  it('gives a prefix at the end of the stream only when it is flushed', () => {
    const secret = 'alphabet-soup';
    for (let length = 1; length < secret.length; length += 1) {
      const stream = createRedactor([secret]).stream();
      expect(Buffer.from(stream.push(Buffer.from(`x${secret.slice(0, length)}`))).toString()).toBe('x');
      expect(Buffer.from(stream.flush()).toString()).toBe(secret.slice(0, length));
    }
  });
});

/** Letters that make phrases overlap, repeat and nest; no asterisk, so that marks can be told from data. */
const letter = fc.constantFrom('a', 'b', 'ab', 'ba', '-', '\n', '\r\n', 'ä', '🔑');
const phrase = fc.array(letter, { minLength: 1, maxLength: 12 }).map((letters) => letters.join(''));

const ENCODERS: readonly ((value: string) => string)[] = [
  (value) => value,
  (value) => value.trim(),
  (value) => value.split(/\r?\n/).join('\r\n'),
  (value) => Buffer.from(value).toString('hex'),
  (value) => Buffer.from(value).toString('hex').toUpperCase(),
  (value) => Buffer.from(value).toString('base64'),
  (value) => Buffer.from(value).toString('base64url'),
  (value) => Buffer.from(`${value}\n`).toString('base64'),
  (value) => encodeURIComponent(value),
  (value) => new URLSearchParams({ q: value }).toString(),
  (value) => JSON.stringify(value),
  (value) => JSON.stringify(JSON.stringify(value)),
  asciiJson,
  (value) => asciiJson(asciiJson(value)),
  (value) => JSON.stringify(asciiJson(value)),
  (value) => asciiJson(JSON.stringify(value)),
];

/** As Python's `json.dumps` writes it. */
function asciiJson(value: string): string {
  return JSON.stringify(value).replace(/[^ -~]/gu, (character) =>
    Array.from(
      { length: character.length },
      (_, unit) => `\\u${character.charCodeAt(unit).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

const scene = fc
  .array(phrase, { minLength: 1, maxLength: 4 })
  .chain((secrets) =>
    fc.record({
      secrets: fc.constant<Secrets>(secrets),
      data: fc
        .array(
          fc.oneof(
            fc.constantFrom(...secrets),
            fc
              .tuple(fc.constantFrom(...secrets), fc.constantFrom(...ENCODERS))
              .map(([secret, encode]) => encode(secret)),
            fc
              .tuple(fc.constantFrom(...secrets), fc.nat(20))
              .map(([secret, length]) => secret.slice(0, length)),
            letter,
            fc.string({ maxLength: 4 }).map((text) => text.replaceAll('*', '+')),
          ),
          { maxLength: 12 },
        )
        .map((parts) => Buffer.from(parts.join(''))),
      cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
    }),
  )
  .map(({ secrets, data, cuts }) => ({
    secrets,
    data,
    pieces: cutAt(
      data,
      cuts.map((share) => Math.floor(share * data.length)),
    ),
  }));

describe('any data in any pieces', () => {
  it('comes out with every byte outside of secrets, unchanged and in order, and none of a secret', () => {
    fc.assert(
      fc.property(scene, ({ secrets, data, pieces }) => {
        expect(betweenMarks(inPieces(secrets, pieces))).toEqual(survivors(secrets, data));
      }),
      { numRuns: 1500 },
    );
  });

  it('holds no form of a secret that is masked wherever it stands', () => {
    fc.assert(
      fc.property(scene, ({ secrets, pieces }) => {
        const output = inPieces(secrets, pieces);
        // A byte that was apart from a secret by another one may now stand beside the mark, never beside more of the secret.
        for (const form of secrets.flatMap((secret) => secretForms(secret))) {
          if (!form.wholeToken) expect(output.includes(Buffer.from(form.bytes))).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('shows no secret of 6 characters or more in any encoding, whoever encoded it', () => {
    const wordy = fc
      .array(fc.constantFrom('a', 'Z', '9', ' ', '/', '+', '"', '\\', '&', 'ä', '🔑'), {
        minLength: 6,
        maxLength: 40,
      })
      .map((letters) => letters.join(''))
      .filter((secret) => Array.from(secret.trim()).length >= 6);
    const around = fc.string({ maxLength: 5 });
    fc.assert(
      fc.property(
        wordy,
        fc.constantFrom(...ENCODERS),
        fc.tuple(around, around, fc.array(fc.nat(200), { maxLength: 6 })),
        (secret, encode, [before, after, cuts]) => {
          const data = Buffer.from(`${before}${encode(secret)}${after}`);
          const output = inPieces(
            [secret],
            cutAt(
              data,
              cuts.map((cut) => Math.min(cut, data.length)),
            ),
          );
          expect(output.toString()).toContain('***');
          expect(output.includes(encode(secret.trim()))).toBe(false);
          expect(output.length).toBeLessThanOrEqual(Buffer.byteLength(before + after) + 16);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('never waits for more than the longest form has', () => {
    fc.assert(
      fc.property(scene, ({ secrets, data, pieces }) => {
        const longest = Math.max(
          0,
          ...secrets.flatMap((secret) => secretForms(secret)).map((form) => form.bytes.length),
        );
        const marked = secretBytes(secrets, data);
        const stream = createRedactor(secrets).stream();
        let given = '';
        let taken = 0;
        for (const piece of pieces) {
          given += Buffer.from(stream.push(piece)).toString('latin1');
          taken += piece.length;
          // What is not secret and lies further back than the longest form must be out by now.
          const due = marked.slice(0, Math.max(0, taken - longest)).filter((secret) => !secret).length;
          expect(given.replaceAll('*', '').length).toBeGreaterThanOrEqual(due);
        }
      }),
      { numRuns: 500 },
    );
  });
});
