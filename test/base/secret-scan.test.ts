import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSecretScanner, type NamedSecret, type SecretScanner } from '../../src/base/secret-scan.js';
import { secretForms } from '../../src/base/secret-forms.js';

const SECRET = 'p@ss "wörd"/+1\nsecond-line';

const scanners = new Map<readonly NamedSecret[], SecretScanner>();

/** Looks through pieces of one thing and gives the names that were told. */
function look(secrets: readonly NamedSecret[], ...pieces: readonly (string | Uint8Array)[]): string[] {
  const found: string[] = [];
  const scanner = scanners.get(secrets) ?? createSecretScanner(secrets);
  scanners.set(secrets, scanner);
  const scan = scanner.start((name) => found.push(name));
  for (const piece of pieces) scan.push(Buffer.from(piece as string));
  scan.end();
  return found;
}

const named = (values: Readonly<Record<string, string>>): readonly NamedSecret[] =>
  Object.entries(values).map(([name, value]) => ({ name, value }));

const TOKEN = named({ token: SECRET });

describe('a scan', () => {
  it.each(secretForms(SECRET).map(({ bytes }) => Buffer.from(bytes).toString()))(
    'finds %j, cut anywhere',
    (form) => {
      const data = Buffer.from(`<${form}>`);
      for (let cut = 0; cut <= data.length; cut += 1) {
        expect(look(TOKEN, data.subarray(0, cut), data.subarray(cut))).toEqual(['token']);
      }
    },
  );

  it('finds in any chunks what it finds in one, and nothing else', () => {
    const secrets = named({
      one: 'abcabc',
      longer: 'abcabcdd',
      inner: 'cabcdd',
      short: 'ab',
      other: 'zzyzzy',
    });
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[abcdz ]{0,12}$/), { maxLength: 12 }), (pieces) => {
        const whole = pieces.join('');
        const expected = secrets
          .filter(({ name, value }) =>
            name === 'short'
              ? /(^|[^A-Za-z0-9_])ab($|[^A-Za-z0-9_])/.test(whole)
              : whole.includes(value as string),
          )
          .map(({ name }) => name);
        expect(look(secrets, ...pieces).sort()).toEqual([...expected].sort());
      }),
      { numRuns: 2000, examples: [[['abcabcdd']], [['zz', 'yzzyabcab', 'c']], [['x ab', ' ']]] },
    );
  });

  it('tells of all secrets that have a form in common', () => {
    const secrets = named({ one: 'same-value', other: 'same-value', third: 'first line\nsame-value' });
    expect(look(secrets, 'it is same-value')).toEqual(['one', 'other', 'third']);
  });

  it('ends what was cut off: the end of one thing and the start of the next are no secret', () => {
    const found: string[] = [];
    const scan = createSecretScanner(named({ token: 'hunter2-hunter2' })).start((name) => found.push(name));
    scan.push(Buffer.from('hunter2-'));
    scan.end();
    scan.push(Buffer.from('hunter2'));
    scan.end();
    expect(found).toEqual([]);
    scan.push(Buffer.from('hunter2-hunter2'));
    scan.end();
    expect(found).toEqual(['token']);
  });

  it('does not keep the memory of a chunk that is used again', () => {
    const found: string[] = [];
    const scan = createSecretScanner(named({ token: 'hunter2-hunter2' })).start((name) => found.push(name));
    const chunk = Buffer.from('....hunter2-');
    scan.push(chunk);
    chunk.fill('x');
    scan.push(Buffer.from('hunter2'));
    scan.end();
    expect(found).toEqual(['token']);
  });

  it('tells each secret once, also among endless repetitions of another', () => {
    const secrets = named({ letters: 'aaaaaaaa', other: 'hunter2-hunter2' });
    const flood = Buffer.alloc(1024 * 1024, 'a');
    expect(look(secrets, flood, flood, 'hunter2-hunter2', flood)).toEqual(['letters', 'other']);
  });
});
