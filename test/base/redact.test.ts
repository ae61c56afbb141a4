import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../src/base/redact.js';
import { secretForms } from '../../src/base/secret-forms.js';
import { createSecretSearch } from '../../src/base/secret-search.js';

type Secrets = readonly (string | Uint8Array)[];

const isWord = (byte: number | undefined): boolean =>
  byte !== undefined && /\w/.test(String.fromCharCode(byte));

/** Every form at every position, as slow and as plain as can be. */
function redactByHand(secrets: Secrets, data: Buffer): Buffer {
  const forms = secrets.flatMap((secret) => secretForms(secret));
  const parts: Uint8Array[] = [];
  let maskedUntil = 0;
  for (let start = 0; start < data.length; start += 1) {
    let end = 0;
    for (const { bytes, wholeToken } of forms) {
      const after = start + bytes.length;
      if (!data.subarray(start, after).equals(bytes)) continue;
      const stands = !isWord(start === 0 ? undefined : data[start - 1]) && !isWord(data[after]);
      if (!wholeToken || stands) end = Math.max(end, after);
    }
    if (end > 0 && start >= maskedUntil) parts.push(Buffer.from('***'));
    maskedUntil = Math.max(maskedUntil, end);
    if (start >= maskedUntil) parts.push(data.subarray(start, start + 1));
  }
  return Buffer.concat(parts);
}

function redactInChunks(secrets: Secrets, data: Buffer, sizes: readonly number[]): Buffer {
  const stream = createRedactor(secrets).stream();
  const parts: Uint8Array[] = [];
  let position = 0;
  for (const size of [...sizes, data.length]) {
    const chunk = Buffer.from(data.subarray(position, position + size));
    parts.push(Buffer.from(stream.push(chunk)));
    // The caller may use its memory again.
    chunk.fill(0x21);
    position += size;
  }
  return Buffer.concat([...parts, stream.flush()]);
}

describe('text', () => {
  const secret = 'p@ss/wörd+1';
  it.each([
    ['nothing here', 'nothing here'],
    [`x${secret}y`, 'x***y'],
    [secret + secret, '******'],
    [encodeURIComponent(secret), '***'],
    [encodeURIComponent(secret).toLowerCase(), '***'],
    [new URLSearchParams({ k: secret }).toString(), 'k=***'],
    [JSON.stringify({ k: secret }), '{"k":"***"}'],
    ['"p@ss\\/w\\u00f6rd+1"', '"***"'],
    ['"p@ss/w\\u00F6rd+1"', '"***"'],
    ['"p@ss/w\\\\u00f6rd+1"', '"***"'],
    ['"p@ss/w\\\\u00F6rd+1"', '"***"'],
    ['"p@ss\\\\/w\\\\u00f6rd+1"', '"***"'],
    ['"p@ss\\\\\\/w\\\\u00f6rd+1"', '"***"'],
    [Buffer.from(secret).toString('hex'), '***'],
    [Buffer.from(secret).toString('hex').toUpperCase(), '***'],
    [Buffer.from(secret).toString('base64'), '***'],
    [Buffer.from(secret).toString('base64url'), '***'],
    [Buffer.from(`${secret}\n`).toString('base64'), '***'],
    [secret.slice(0, -1), secret.slice(0, -1)],
    ['', ''],
  ])('%j becomes %j', (text, expected) => {
    expect(createRedactor([secret]).text(text)).toBe(expected);
  });

  it('hides a secret inside longer base64, at every offset', () => {
    const bytes = 'correct horse battery';
    const redactor = createRedactor([bytes]);
    for (const before of ['', 'a', 'ab', 'abc', 'user:']) {
      for (const after of ['', 'z', 'zy', 'zyx']) {
        for (const encoding of ['base64', 'base64url'] as const) {
          const masked = redactor.text(Buffer.from(before + bytes + after).toString(encoding));
          expect(masked).toContain('***');
          // At most the characters that mix the secret's outermost bits with its neighbours stay.
          const left = Buffer.from(masked.replace('***', '    '), encoding).toString('latin1');
          expect(left).not.toMatch(/orrec|horse|atter/);
          expect(masked.length).toBeLessThanOrEqual(3 + Math.ceil((before.length * 4) / 3) + 8);
        }
      }
    }
  });

  it('hides base64 that is broken into lines', () => {
    const secret = Array.from({ length: 150 }, (_, index) =>
      String.fromCharCode(33 + ((index * 7) % 90)),
    ).join('');
    const base64 = Buffer.from(secret).toString('base64');
    for (const width of [64, 76]) {
      const lines = base64.replace(new RegExp(`.{${String(width)}}`, 'g'), '$&\n');
      expect(createRedactor([secret]).text(lines)).toMatch(/^[*\n]+$/);
    }
  });

  it.each([
    { length: 40, width: 76, end: '\n' },
    { length: 40, width: 64, end: '\r\n' },
    { length: 200, width: 76, end: '\r\n' },
    { length: 200, width: 64, end: '\n' },
  ])(
    'hides it inside longer base64 that is broken into lines, wherever they break: %j',
    ({ length, width, end }) => {
      const secret = Array.from({ length }, (_, index) => String.fromCharCode(33 + ((index * 7) % 90))).join(
        '',
      );
      const redactor = createRedactor([secret]);
      for (let before = 0; before <= width; before += 1) {
        const data = `${'x'.repeat(before)}${secret} and more\n`;
        const lines = Buffer.from(data)
          .toString('base64')
          .replace(new RegExp(`.{${String(width)}}`, 'g'), `$&${end}`);
        const left = redactor.text(lines).replaceAll(end, '');
        // What stays is what was around it, the characters that mix both, and up to three before the first line end.
        const around = Math.ceil(((data.length - length) * 4) / 3);
        expect(left.replace('***', '').length, `after ${String(before)} bytes`).toBeLessThanOrEqual(
          around + 7,
        );
        expect(left).toContain('***');
      }
    },
  );

  it('hides several lines as a whole and one by one, with either kind of line end', () => {
    const secret = '-----BEGIN KEY-----\nabcdefgh\n  ijklmnop  \nxy\n-----END KEY-----\n';
    const redactor = createRedactor([secret]);
    expect(redactor.text(secret)).toBe('***');
    expect(redactor.text(secret.replaceAll('\n', '\r\n'))).toBe('***\r\n');
    expect(redactor.text('got abcdefgh and ijklmnop!')).toBe('got *** and ***!');
    expect(redactor.text('xy is short, xyz is not its line')).toBe('*** is short, xyz is not its line');
    expect(redactor.text(JSON.stringify(secret))).toBe('"***"');
  });

  it('hides short lines as whole words, and leaves alone those that are punctuation', () => {
    const secret = '{\n  "pin":\n  42,\n  "key": "correct horse"\n}\n---\nä"b\n';
    const redactor = createRedactor([secret]);
    expect(redactor.text('pin 42, and 142, {} --- 42')).toBe('pin *** and 142, {} --- 42');
    expect(redactor.text(`got ${JSON.stringify('ä"b')} and ä"bc`)).toBe('got "***" and ä"bc');
    expect(redactor.text(secret)).toBe('***');
  });

  it('hides a secret of a single kind of blank line within, with either kind of line end', () => {
    const redactor = createRedactor(['{{{{\n}}}}']);
    expect(redactor.text('a{{{{\r\n}}}}b')).toBe('a***b');
  });

  it('manages very many short lines', () => {
    const lines = Array.from({ length: 60_000 }, (_, index) => index.toString(36).padStart(4, 'q'));
    const redactor = createRedactor([lines.join('\n')]);
    const noise = 'all work and no play makes a dull log\n'.repeat(20_000);
    expect(redactor.text(`${noise}q9zz qqq7 q9zzz`)).toBe(`${noise}*** *** q9zzz`);
  });

  it('hides a secret without the line end it was stored with', () => {
    expect(createRedactor(['hunter22\n']).text('pw=hunter22;')).toBe('pw=***;');
    expect(createRedactor(['hunter22\r\n']).text(Buffer.from('hunter22').toString('hex'))).toBe('***');
    expect(createRedactor(['abc\n']).text('pw=abc; abcd')).toBe('pw=***; abcd');
  });

  it('hides overlapping and nested secrets completely', () => {
    expect(createRedactor(['abcdef', 'defghi']).text('xabcdefghiy')).toBe('x***y');
    expect(createRedactor(['secret', 'secret-longer']).text('secret-longer secret-long')).toBe(
      '*** ***-long',
    );
    expect(createRedactor(['aaaaaa']).text('a'.repeat(20))).toBe('***');
    expect(createRedactor(['abcabc']).text('abcabcabc')).toBe('***');
  });

  it.each([
    ['on', 'on onto _on on_ 1on on.', '*** onto _on on_ 1on ***.'],
    ['1', 'a=1 b=11 c=21', 'a=*** b=11 c=21'],
    ['pa$s', 'pa$s pa$sx (pa$s)', '*** pa$sx (***)'],
    ['abcde', 'abcdef abcde', 'abcdef ***'],
    ['abcde', `${Buffer.from('abcde').toString('hex')} x`, '*** x'],
    ['abcdef', 'xabcdefx', 'x***x'],
    ['äöü', 'äöü!', '***!'],
  ])('short secret %j in %j gives %j', (secret, text, expected) => {
    expect(createRedactor([secret]).text(text)).toBe(expected);
  });

  it('does not blank the world for empty or blank secrets', () => {
    const redactor = createRedactor(['', ' ', '\n\t', new Uint8Array(0)]);
    expect(redactor.isEmpty).toBe(true);
    expect(redactor.text('a b\n\tc')).toBe('a b\n\tc');
    expect(createRedactor([]).isEmpty).toBe(true);
    expect(createRedactor(['x']).isEmpty).toBe(false);
  });

  it('hides a form of a short secret wherever a long one wants it hidden', () => {
    expect(createRedactor(['abc', 'YWJjZGVm']).text('xYWJjZGVmx')).toBe('x***x');
    expect(createRedactor(['abcd', Buffer.from('abcd').toString('hex')]).text('x61626364x')).toBe('x***x');
  });

  it('takes secrets that are no text', () => {
    const secret = Uint8Array.from([0xff, 0x00, 0xfe, 0x0a, 0x80, 0x81, 0x82]);
    const redactor = createRedactor([secret]);
    const stream = redactor.stream();
    const out = Buffer.concat([
      stream.push(Buffer.concat([Buffer.from('a'), secret, Buffer.from('b')])),
      stream.flush(),
    ]);
    expect(out.toString()).toBe('a***b');
    expect(redactor.text(Buffer.from(secret).toString('hex'))).toBe('***');
    expect(redactor.text(Buffer.from(secret).toString('base64'))).toBe('***');
    expect(redactor.text('%ff%00%fe%0a%80%81%82')).toBe('***');
  });

  it('survives lone surrogates in secrets and texts', () => {
    expect(createRedactor(['secret\ud800']).text('\udc00 plain')).toBe('\udc00 plain');
  });
});

describe('value', () => {
  it('masks strings, keys and bytes at every depth and leaves the rest', () => {
    const when = new Date(0);
    const value = {
      a: ['my secret1!', 1, null, { 'k-secret1': true }],
      when,
      bytes: Buffer.from('secret1'),
      none: undefined,
    };
    const masked = createRedactor(['secret1']).value(value);
    expect(masked).toEqual({
      a: ['my ***!', 1, null, { 'k-***': true }],
      when,
      bytes: Buffer.from('***'),
      none: undefined,
    });
    expect(value.a[0]).toBe('my secret1!');
  });

  it('loses no member when keys become equal, and minds __proto__', () => {
    const value: unknown = JSON.parse('{"secret1":1,"secret2":2,"__proto__":"secret1"}');
    const masked = createRedactor(['secret1', 'secret2']).value(value);
    expect(JSON.stringify(masked)).toBe('{"***":1,"*** (2)":2,"__proto__":"***"}');
  });

  it('copies cycles as cycles', () => {
    const value: { text: string; self?: unknown } = { text: 'secret1' };
    value.self = value;
    const masked = createRedactor(['secret1']).value(value);
    expect(masked.text).toBe('***');
    expect(masked.self).toBe(masked);
  });
});

describe('stream', () => {
  const pieces = ['abc', 'abcabc', 'abcabd', 'aaaaaaa', 'on', 'x', 'ab\ncdefgh\n', '-', ' ', '/', 'é'];
  const secret = fc.oneof(
    fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
    fc.uint8Array({ minLength: 1, maxLength: 8 }),
  );
  const secrets = fc.array(secret, { minLength: 1, maxLength: 4 });
  const sizes = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 40 });
  const dataFor = (known: Secrets): fc.Arbitrary<Buffer> => {
    const forms = known.flatMap((one) => secretForms(one)).map((form) => Buffer.from(form.bytes));
    const part = fc.oneof(
      fc.constantFrom(...pieces).map((text) => Buffer.from(text)),
      ...(forms.length === 0 ? [] : [fc.constantFrom(...forms)]),
      ...(forms.length === 0
        ? []
        : [fc.tuple(fc.constantFrom(...forms), fc.nat(12)).map(([form, cut]) => form.subarray(0, cut))]),
    );
    return fc.array(part, { maxLength: 12 }).map((parts) => Buffer.concat(parts));
  };
  const scene = secrets.chain((known) => fc.tuple(fc.constant(known), dataFor(known), sizes));

  it('masks what a slow search by hand masks, however it is cut', () => {
    fc.assert(
      fc.property(scene, ([known, data, cuts]) => {
        const expected = redactByHand(known, data).toString('latin1');
        expect(redactInChunks(known, data, [data.length]).toString('latin1')).toBe(expected);
        expect(redactInChunks(known, data, cuts).toString('latin1')).toBe(expected);
        expect(
          redactInChunks(
            known,
            data,
            Array.from(data, () => 1),
          ).toString('latin1'),
        ).toBe(expected);
      }),
      { numRuns: 400 },
    );
  });

  it('leaves no form of a long secret in what it gives out', () => {
    fc.assert(
      fc.property(scene, ([known, data, cuts]) => {
        const out = redactInChunks(known, data, cuts);
        for (const { bytes, wholeToken } of known.flatMap((one) => secretForms(one))) {
          // A mark between two texts can only spell a form that holds its asterisks.
          if (!wholeToken && !Buffer.from(bytes).includes('*'))
            expect(out.includes(Buffer.from(bytes))).toBe(false);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('holds back fewer bytes than the longest form has, and only the start of a form', () => {
    fc.assert(
      fc.property(scene, ([known, data]) => {
        const forms = known.flatMap((one) => secretForms(one));
        const held = data.subarray(
          createSecretSearch(forms).undecidedFrom({ data, before: null, isLast: false }),
        );
        // A whole token may wait for the byte after it.
        const most = Math.max(0, ...forms.map((form) => form.bytes.length - (form.wholeToken ? 0 : 1)));
        expect(held.length).toBeLessThanOrEqual(most);
        expect(forms.some(({ bytes }) => Buffer.from(bytes.subarray(0, held.length)).equals(held))).toBe(
          forms.length > 0,
        );
      }),
    );
  });

  it('gives a line out at once unless it ends like the start of a secret', () => {
    const stream = createRedactor(['hunter2hunter2']).stream();
    const push = (text: string): string => Buffer.from(stream.push(Buffer.from(text))).toString();
    expect(push('progress 50%\n')).toBe('progress 50%\n');
    expect(push('password hunter2hun')).toBe('password ');
    expect(push('ter')).toBe('');
    expect(push('2!')).toBe('***!');
    expect(push('hunter')).toBe('');
    expect(Buffer.from(stream.flush()).toString()).toBe('hunter');
  });

  it('starts afresh after flush', () => {
    const stream = createRedactor(['on', 'abcdefgh']).stream();
    const all = (text: string): string =>
      Buffer.concat([stream.push(Buffer.from(text)), stream.flush()]).toString();
    expect(all('xon')).toBe('xon');
    expect(all('on')).toBe('***');
    expect(all('abcdefgh')).toBe('***');
    expect(all('z')).toBe('z');
    expect(Buffer.from(stream.flush()).length).toBe(0);
  });

  it('keeps two streams of one redactor apart', () => {
    const redactor = createRedactor(['abcdefgh']);
    const [out, err] = [redactor.stream(), redactor.stream()];
    out.push(Buffer.from('abcd'));
    expect(Buffer.from(err.push(Buffer.from('efgh\n'))).toString()).toBe('efgh\n');
    expect(Buffer.from(out.push(Buffer.from('efgh'))).toString()).toBe('***');
  });

  it('passes every byte through when there is nothing to mask', () => {
    const stream = createRedactor([]).stream();
    const chunk = Uint8Array.from([0, 255, 128]);
    expect(stream.push(chunk)).toEqual(chunk);
    expect(stream.flush().length).toBe(0);
  });

  it('ends on secrets that repeat themselves', () => {
    const redactor = createRedactor(['a'.repeat(4000), `${'ab'.repeat(2000)}c`]);
    expect(redactor.text('a'.repeat(300_000))).toBe('***');
    expect(redactor.text('ab'.repeat(100_000))).toBe('ab'.repeat(100_000));
  });

  it('manages a large secret and large data', () => {
    const key = Array.from(
      { length: 60 },
      (_, line) => `${String(line)}-${'k'.repeat(50)}-${String(line * 7919)}`,
    ).join('\n');
    const noise = Buffer.from('all work and no play makes a dull log\n'.repeat(20_000));
    const data = Buffer.concat([
      noise,
      Buffer.from(key),
      noise,
      Buffer.from(Buffer.from(key).toString('hex')),
      noise,
    ]);
    const sizes = Array.from({ length: 100 }, (_, index) => 1000 + index * 371);
    const out = redactInChunks([key, 'other-secret'], data, sizes).toString();
    expect(out).toBe(`${noise.toString()}***${noise.toString()}***${noise.toString()}`);
  });
});
