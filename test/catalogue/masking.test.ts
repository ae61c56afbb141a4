/** What a job may do to get its secret past the masking of its output, on the fake engine. Encryption, reversal and spelling out are out of scope. */
import { staticSecrets } from 'berthkit';
import { describe, expect, it } from 'vitest';
import { trial } from './fixture.js';

type Piece = readonly ['stdout' | 'stderr', string | Uint8Array];
interface Said {
  readonly stdout: string;
  readonly stderr: string;
  readonly warnings: readonly string[];
  /** Everything that left the run. */
  readonly told: string;
}

/** Has a job with secrets say something, piece by piece, and gives what came out. */
async function say(secrets: Readonly<Record<string, string>>, pieces: readonly Piece[]): Promise<Said> {
  const environment = Object.keys(secrets).map((key) => ({
    name: key.toUpperCase(),
    secret: { source: 'store', key },
  }));
  const lines: string[] = [];
  const { outcome, told } = await trial(
    { docker: { image: 'busybox:1', environment } },
    {
      script: {
        run: async (job) => {
          for (const [stream, data] of pieces) await job[stream](data);
          return { exitCode: 0 };
        },
      },
      ports: { resolveSecret: staticSecrets(secrets) },
      options: { onLine: ({ text }) => lines.push(text) },
    },
  );
  if (outcome instanceof Error) throw outcome;
  const { stdout, stderr, warnings } = outcome;
  return {
    stdout: stdout.text ?? '',
    stderr: stderr.text ?? '',
    warnings,
    told: `${told}\n${lines.join('\n')}`,
  };
}

const SECRET = 'p4ss-w0rd/7+x';
const out = (...texts: readonly (string | Uint8Array)[]): readonly Piece[] =>
  texts.map((text) => ['stdout', text]);

describe('a secret in output', () => {
  it('cut at every place is masked', async () => {
    for (let cut = 0; cut <= SECRET.length; cut += 1) {
      const { stdout, told } = await say(
        { t: SECRET },
        out(`<${SECRET.slice(0, cut)}`, `${SECRET.slice(cut)}>`),
      );
      expect(stdout).toBe('<***>');
      expect(told).not.toContain(SECRET);
    }
  });

  it('byte by byte is masked', async () => {
    const bytes = [...Buffer.from(`<${SECRET}>`)].map((byte) => Uint8Array.of(byte));
    expect((await say({ t: SECRET }, out(...bytes))).stdout).toBe('<***>');
  });

  it('on both streams, in turns, is masked on each', async () => {
    const [first, second] = [SECRET.slice(0, 5), SECRET.slice(5)];
    const said = await say({ t: SECRET }, [
      ['stdout', first],
      ['stderr', first],
      ['stdout', second],
      ['stderr', second],
    ]);
    expect(said).toMatchObject({ stdout: '***', stderr: '***' });
  });

  it('half on one stream and half on the other is no secret on either, and neither stream loses a byte', async () => {
    const [first, second] = [SECRET.slice(0, 5), SECRET.slice(5)];
    const said = await say({ t: SECRET }, [
      ['stdout', first],
      ['stderr', second],
    ]);
    expect(said).toMatchObject({ stdout: first, stderr: second });
  });

  it.each([
    ['one in another', { a: 'abcdef', b: 'abcdefgh' }, 'abcdefgh abcdef', '*** ***'],
    ['one in the middle of another', { a: 'cdefgh', b: 'abcdefghij' }, 'abcdefghij', '***'],
    ['overlapping ones', { a: 'abcdefgh', b: 'efghijkl' }, 'abcdefghijkl', '***'],
    ['adjacent ones', { a: 'abcdef', b: 'ghijkl' }, 'abcdefghijkl', '******'],
    ['the same twice', { a: 'abcdef' }, 'abcdefabcdef', '******'],
    ['one that repeats itself', { a: 'ababab' }, 'abababab', '***'],
  ])('%s is masked whole', async (_, secrets, text, expected) => {
    const { stdout, told } = await say(secrets, out(...Array.from(text)));
    expect(stdout).toBe(expected);
    for (const secret of Object.values(secrets)) expect(told).not.toContain(secret);
  });

  it('of several lines is masked as a whole and line by line, with either line end', async () => {
    const key = '-----BEGIN-----\nfirst-line-of-key\nsecond-line-of-key\n-----END-----\n';
    for (const text of [
      key,
      key.trim(),
      key.replaceAll('\n', '\r\n'),
      'x first-line-of-key y',
      'second-line-of-key',
    ]) {
      const { stdout, told } = await say({ t: key }, out(text));
      expect(stdout).toContain('***');
      expect(told).not.toMatch(/first-line|second-line/);
    }
  });

  it('stored with a line end and printed without is masked', async () => {
    expect((await say({ t: `${SECRET}\n` }, out(`<${SECRET}>`))).stdout).toBe('<***>');
  });

  it('that only begins at the end of output is given out when it ends', async () => {
    const begin = SECRET.slice(0, -1);
    expect((await say({ t: SECRET }, out(begin))).stdout).toBe(begin);
  });

  const base64 = (prefix: string): string => Buffer.from(`${prefix}${SECRET}-suffix`).toString('base64');
  it.each([
    ['base64', Buffer.from(SECRET).toString('base64')],
    ['base64url', Buffer.from(SECRET).toString('base64url')],
    ['base64 with a line end', Buffer.from(`${SECRET}\n`).toString('base64')],
    ['hex', Buffer.from(SECRET).toString('hex')],
    ['hex in upper case', Buffer.from(SECRET).toString('hex').toUpperCase()],
    ['a URL', encodeURIComponent(SECRET)],
    ['a form', new URLSearchParams({ t: SECRET }).toString().slice(2)],
  ])('as %s is masked', async (_, encoded) => {
    expect((await say({ t: SECRET }, out(`<${encoded}>`))).stdout).toBe('<***>');
  });

  it.each([0, 1, 2])('inside longer base64, at offset %i, cannot be decoded', async (offset) => {
    const { stdout } = await say({ t: SECRET }, out(base64('x'.repeat(offset))));
    expect(stdout).toContain('***');
    expect(Buffer.from(stdout.replaceAll('*', ''), 'base64').toString()).not.toContain(SECRET.slice(2, -2));
  });

  it('in JSON is masked', async () => {
    const odd = 'quote"back\\slash\ttab\u00e9';
    const { stdout } = await say({ t: odd }, out(JSON.stringify({ a: odd })));
    expect(stdout).toBe('{"a":"***"}');
  });

  it('of fewer than 6 characters is masked as a whole word, and named in a warning', async () => {
    const { stdout, warnings } = await say({ t: 'x7q' }, out('x7q ax7q x7q'));
    expect(stdout).toBe('*** ax7q ***');
    expect(warnings.join()).toContain('store:t');
    expect(warnings.join()).not.toContain('x7q');
  });
});
