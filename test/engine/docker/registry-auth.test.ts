/** Credentials from Docker's own places: real files and real helper programs in a folder of the test. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFifo } from '../../host/scratch.js';
import { dockerRegistryAuth, serverOf } from '../../../src/engine/docker/registry-auth.js';

const PASSWORD = 'correct-horse-battery';
const auth = (username: string, password = PASSWORD): { readonly auth: string } => ({
  auth: Buffer.from(`${username}:${password}`).toString('base64'),
});

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berthkit-auth-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** A helper that runs as a shell script; `$server` is what it was asked about. */
async function helper(name: string, script: string): Promise<void> {
  const file = join(folder, `docker-credential-${name}`);
  await writeFile(file, `#!/bin/sh\nread -r server || true\n${script}\n`);
  await chmod(file, 0o755);
}

interface Places {
  readonly variable?: unknown;
  readonly file?: unknown;
}

async function find(registry: string, { variable, file }: Places, signal = new AbortController().signal) {
  const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
  if (file !== undefined) await writeFile(join(folder, 'config.json'), text(file));
  const env = {
    DOCKER_CONFIG: folder,
    PATH: `${folder}:/usr/bin:/bin`,
    ...(variable === undefined ? {} : { DOCKER_AUTH_CONFIG: text(variable) }),
  };
  return dockerRegistryAuth(env)({ registry, reference: `${registry}/x:1`, renew: false, signal });
}

describe('credentials that are written down', () => {
  it.each([
    ['ghcr.io', { 'ghcr.io': auth('a') }],
    ['ghcr.io', { 'https://ghcr.io': auth('a') }],
    ['ghcr.io', { 'https://ghcr.io/v2/': auth('a') }],
    ['ghcr.io:443', { 'ghcr.io': auth('a') }],
    ['docker.io', { 'https://index.docker.io/v1/': auth('a') }],
    ['docker.io', { 'index.docker.io': auth('a') }],
    ['127.0.0.1:5000', { 'http://127.0.0.1:5000': auth('a') }],
    ['ghcr.io', { 'ghcr.io': { username: 'a', password: PASSWORD } }],
    ['ghcr.io', { 'ghcr.io': {}, 'https://ghcr.io': auth('a') }],
  ])('for %s are found in %j', async (registry, auths) => {
    expect(await find(registry, { file: { auths } })).toEqual({ username: 'a', password: PASSWORD });
    expect(await find(registry, { variable: { auths }, file: {} })).toEqual({
      username: 'a',
      password: PASSWORD,
    });
  });

  it.each([
    ['another registry', { 'ghcr.io.attacker.example': auth('a') }],
    ['a longer host', { 'my.ghcr.io': auth('a') }],
    ['another port', { 'ghcr.io:5000': auth('a') }],
    ['an empty entry', { 'ghcr.io': {} }],
    ['one without a password', { 'ghcr.io': auth('a', '') }],
    ['one without a user', { 'ghcr.io': auth('') }],
    ['something else', { 'ghcr.io': 'a' }],
    ['a list', []],
  ])('are not those of %s', async (_, auths) => {
    expect(await find('ghcr.io', { file: { auths } })).toBeUndefined();
  });

  it('may hold colons, be padded, and be an identity token', async () => {
    const odd = {
      'ghcr.io': auth('a', 'x:y:z\0\0'),
      'acme.azurecr.io': { ...auth('0000', ''), identitytoken: 'token-1' },
    };
    expect(await find('ghcr.io', { file: { auths: odd } })).toEqual({ username: 'a', password: 'x:y:z' });
    expect(await find('acme.azurecr.io', { file: { auths: odd } })).toEqual({ identityToken: 'token-1' });
  });

  it('in the variable go before those in the file', async () => {
    const places = {
      variable: { auths: { 'ghcr.io': auth('first') } },
      file: { auths: { 'ghcr.io': auth('second') } },
    };
    expect(await find('ghcr.io', places)).toMatchObject({ username: 'first' });
    const other = { ...places, variable: { auths: { 'quay.io': auth('first') } } };
    expect(await find('ghcr.io', other)).toMatchObject({ username: 'second' });
  });

  it.each([
    ['a variable', { variable: `{"auths": {"ghcr.io": {"auth": "${PASSWORD}` }, /DOCKER_AUTH_CONFIG/],
    ['a file', { file: `{"auths": {"ghcr.io": {"auth": "${PASSWORD}` }, /config\.json/],
  ])('in %s that cannot be read are an error without a word of it', async (_, places, name) => {
    const error: unknown = await find('ghcr.io', places).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'secret.failed', message: expect.stringMatching(name) as string });
    expect(JSON.stringify(error) + String(error)).not.toContain(PASSWORD);
  });

  it('in a pipe nobody writes to are an error, and nothing waits for them', async () => {
    makeFifo(join(folder, 'config.json'));
    await expect(find('ghcr.io', {})).rejects.toMatchObject({
      code: 'secret.failed',
      message: expect.stringContaining('config.json cannot be read (no regular file)') as string,
    });
  });

  it('may be nowhere', async () => {
    expect(await find('ghcr.io', {})).toBeUndefined();
  });
});

describe('a credential helper', () => {
  const answer = (username: string, secret: string): string =>
    `printf '{"ServerURL":"%s","Username":"${username}","Secret":"${secret}"}' "$server"`;

  it('of the registry is asked, or that for all', async () => {
    await helper('one', answer('one', PASSWORD));
    await helper('all', answer('all', PASSWORD));
    const file = { credHelpers: { 'ghcr.io': 'one' }, credsStore: 'all' };
    expect(await find('ghcr.io', { file })).toEqual({ username: 'one', password: PASSWORD });
    expect(await find('quay.io', { file })).toEqual({ username: 'all', password: PASSWORD });
  });

  it('is asked only where nothing is written down', async () => {
    const file = { auths: { 'ghcr.io': auth('written') }, credsStore: 'missing' };
    expect(await find('ghcr.io', { file })).toMatchObject({ username: 'written' });
  });

  it('is told the server by the name Docker has for it', async () => {
    await helper('echo', 'printf \'{"Username":"%s","Secret":"x"}\' "$server"');
    const file = { credsStore: 'echo' };
    for (const registry of ['docker.io', 'ghcr.io'])
      expect(await find(registry, { file })).toMatchObject({ username: serverOf(registry) });
    expect(serverOf('docker.io')).toBe('https://index.docker.io/v1/');
  });

  it('may give an identity token', async () => {
    await helper('token', answer('<token>', 'token-1'));
    expect(await find('ghcr.io', { file: { credsStore: 'token' } })).toEqual({ identityToken: 'token-1' });
  });

  it('may have none', async () => {
    await helper('none', 'echo "credentials not found in native keychain"; exit 1');
    expect(await find('ghcr.io', { file: { credsStore: 'none' } })).toBeUndefined();
  });

  it.each([
    [
      'fails',
      `echo ${PASSWORD}; echo ${PASSWORD} >&2; exit 3`,
      /docker-credential-bad failed \(exit code 3\)/,
    ],
    ['talks of something else', `echo ${PASSWORD}`, /something else than JSON/],
    ['never stops', `while :; do echo ${PASSWORD}; done`, /docker-credential-bad failed/],
  ])('that %s is an error without a word of what it said', async (_, script, message) => {
    await helper('bad', script);
    const error: unknown = await find('ghcr.io', { file: { credsStore: 'bad' } }).catch(
      (cause: unknown) => cause,
    );
    expect(error).toMatchObject({ code: 'secret.failed', message: expect.stringMatching(message) as string });
    expect(JSON.stringify(error) + String(error)).not.toContain(PASSWORD);
  });

  it('that is not installed is named', async () => {
    await expect(find('ghcr.io', { file: { credsStore: 'missing' } })).rejects.toMatchObject({
      code: 'secret.failed',
      message: 'docker-credential-missing is not installed.',
    });
  });

  it.each(['../../bin/sh', 'a b', '-x', 'x;touch /tmp/pwned', '$(id)', 'a/b', 'x'.repeat(65)])(
    'is never a program of another kind: %s',
    async (name) => {
      await expect(find('ghcr.io', { file: { credsStore: name } })).rejects.toMatchObject({
        code: 'secret.failed',
        message: expect.stringMatching(/cannot be one/) as string,
      });
    },
  );

  it('gets no shell: what it is asked about is a word of its input', async () => {
    await helper('echo', 'printf \'{"Username":"u","Secret":"%s"}\' "$(printf %s "$server" | wc -c)"');
    const registry = 'ghcr.io$(touch x)';
    expect(await find(registry, { file: { credsStore: 'echo' } })).toEqual({
      username: 'u',
      password: String(registry.length),
    });
  });

  it('that waits is ended when the pull is over, and what it has started with it', async () => {
    const file = join(folder, 'child');
    await helper('slow', `sleep 300 & echo $! > '${file}'; wait`);
    const child = async () => (await readFile(file, 'utf8').catch(() => '')).trim();
    const controller = new AbortController();
    const found = find('ghcr.io', { file: { credsStore: 'slow' } }, controller.signal);
    await expect.poll(child).not.toBe('');
    controller.abort(new Error('over'));
    await expect(found).rejects.toThrow('over');
    // Gone, or dead and not yet collected by its parent.
    const status = `/proc/${await child()}/stat`;
    await expect.poll(() => readFile(status, 'utf8').catch(() => 'gone')).toMatch(/^gone$|\) Z /);
  });
});
