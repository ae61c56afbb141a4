/** Where an engine is found: options before the environment, the environment before contexts, contexts before sockets. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { currentContext } from '../../../src/engine/docker/docker-context.js';
import { dockerEngine } from '../../../src/engine/docker/docker-engine.js';
import { resolveEndpoint } from '../../../src/engine/docker/endpoint.js';
import { findAnswering, usualSockets } from '../../../src/engine/docker/usual-sockets.js';
import { makeFifo } from '../../host/scratch.js';

/** Any certificates will do. */
const [CA = '', OTHER_CA = ''] = rootCertificates;

let home = '';
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'berthkit-endpoint-'));
});
afterEach(async () => {
  await rm(home, { recursive: true, force: true });
});

async function put(path: string, text: string): Promise<string> {
  const file = join(home, path);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, text);
  return file;
}

/** In a folder `certs`. */
async function putCertificates(): Promise<void> {
  for (const [name, text] of [
    ['ca', CA],
    ['cert', 'cert'],
    ['key', 'key'],
  ] as const) {
    await put(`certs/${name}.pem`, text);
  }
}

/** As `docker context create` writes it. */
async function putContext(name: string, docker: object, certificates: Readonly<Record<string, string>> = {}) {
  const folder = createHash('sha256').update(name).digest('hex');
  const meta = { Name: name, Metadata: {}, Endpoints: { docker } };
  await put(`.docker/contexts/meta/${folder}/meta.json`, JSON.stringify(meta));
  for (const [file, text] of Object.entries(certificates)) {
    await put(`.docker/contexts/tls/${folder}/docker/${file}`, text);
  }
}

describe('an option', () => {
  it('goes before everything, and the environment adds nothing to it', async () => {
    const env = { HOME: home, DOCKER_HOST: 'unix:///other.sock', DOCKER_TLS_VERIFY: '1' };
    expect(await resolveEndpoint(env, { host: 'tcp://h:1' })).toEqual({
      host: 'tcp://h:1',
      tls: null,
      from: 'option',
    });
  });

  it('has its certificates read', async () => {
    const caFile = await put('ca', CA);
    expect(await resolveEndpoint({}, { host: 'tcp://h:1', tls: { caFile, serverName: 'engine' } })).toEqual({
      host: 'tcp://h:1',
      tls: { ca: CA, cert: undefined, key: undefined, serverName: 'engine' },
      from: 'option',
    });
  });

  it('of certificates alone holds for whatever host is found, in the place of its own', async () => {
    const caFile = await put('ca', CA);
    await putContext('far', { Host: 'tcp://far' }, { 'ca.pem': OTHER_CA });
    for (const env of [
      { HOME: home, DOCKER_HOST: 'tcp://h:1' },
      { HOME: home, DOCKER_HOST: 'tcp://h', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/nowhere' },
      { HOME: home, DOCKER_CONTEXT: 'far' },
    ]) {
      expect((await resolveEndpoint(env, { tls: { caFile } })).tls).toEqual({ ca: CA });
    }
  });

  it.each([
    ['DOCKER_HOST', { DOCKER_HOST: 'unix:///e.sock' }],
    ['DOCKER_HOST, by ssh', { DOCKER_HOST: 'ssh://me@h' }],
    ['a context', { DOCKER_CONTEXT: 'near' }],
  ])('of certificates is refused with an engine that speaks no TLS, of %s', async (_what, env) => {
    const caFile = await put('ca', CA);
    await putContext('near', { Host: 'unix:///near.sock' });
    await expect(resolveEndpoint({ HOME: home, ...env }, { tls: { caFile } })).rejects.toMatchObject({
      code: 'engine.unsupported',
      message: expect.stringMatching(/TLS is asked for, which is spoken over TCP only/) as string,
    });
  });

  it('of certificates that cannot be read is refused, whoever names the host', async () => {
    const tls = { caFile: '/nowhere/ca.pem' };
    await expect(resolveEndpoint({ DOCKER_HOST: 'tcp://h:1' }, { tls })).rejects.toMatchObject({
      code: 'engine.unsupported',
      message: expect.stringContaining('/nowhere/ca.pem cannot be read (ENOENT)') as string,
    });
  });

  it.each([
    [
      'a file that is not there',
      { caFile: '/nowhere/ca.pem' },
      /\/nowhere\/ca.pem cannot be read \(ENOENT\)/,
    ],
    ['a device', { caFile: '/dev/zero' }, /\/dev\/zero cannot be read \(no regular file\)/],
    ['a certificate without its key', { certFile: '/nowhere/cert.pem' }, /go together/],
    ['a key without its certificate', { keyFile: '/nowhere/key.pem' }, /go together/],
  ])('is refused with %s', async (_what, tls, message) => {
    await expect(resolveEndpoint({}, { host: 'tcp://h:1', tls })).rejects.toMatchObject({
      code: 'engine.unsupported',
      message: expect.stringMatching(message) as string,
    });
  });
});

describe('DOCKER_HOST', () => {
  it.each([
    ['unix:///e.sock', {}],
    ['  unix:///e.sock ', {}],
    // A socket speaks no TLS, as with Docker's own client.
    ['unix:///e.sock', { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/nowhere' }],
    ['npipe:////./pipe/docker_engine', {}],
    ['ssh://me@example.org', { DOCKER_TLS_VERIFY: '1' }],
    ['tcp://127.0.0.1:2375', { DOCKER_TLS_VERIFY: '' }],
  ])('%j with %j', async (host, more) => {
    const env = { HOME: home, DOCKER_HOST: host, ...more };
    expect(await resolveEndpoint(env)).toEqual({ host: host.trim(), tls: null, from: 'DOCKER_HOST' });
  });

  it.each(['1', 'true', 'yes', '0', 'false'])(
    'with DOCKER_TLS_VERIFY=%s is never spoken to without TLS',
    async (value) => {
      const env = { HOME: home, DOCKER_HOST: 'tcp://h', DOCKER_TLS_VERIFY: value };
      expect((await resolveEndpoint(env)).tls).not.toBeNull();
    },
  );

  it('takes the certificates of DOCKER_CERT_PATH, all three', async () => {
    await putCertificates();
    const env = { DOCKER_HOST: 'tcp://h', DOCKER_TLS: '1', DOCKER_CERT_PATH: join(home, 'certs') };
    expect((await resolveEndpoint(env)).tls).toEqual({ ca: CA, cert: 'cert', key: 'key' });
    await rm(join(home, 'certs/key.pem'));
    await expect(resolveEndpoint(env)).rejects.toMatchObject({
      code: 'engine.unsupported',
      message: expect.stringContaining('key.pem cannot be read (ENOENT)') as string,
    });
  });

  it('with DOCKER_CERT_PATH alone is never spoken to without TLS', async () => {
    const env = { DOCKER_HOST: 'tcp://h:1', DOCKER_CERT_PATH: join(home, 'certs') };
    await expect(resolveEndpoint(env)).rejects.toMatchObject({ code: 'engine.unsupported' });
    await putCertificates();
    expect((await resolveEndpoint(env)).tls).toEqual({ ca: CA, cert: 'cert', key: 'key' });
  });

  it('on the port of TLS is never spoken to without', async () => {
    expect((await resolveEndpoint({ HOME: home, DOCKER_HOST: 'tcp://h:2376' })).tls).not.toBeNull();
  });

  it('takes those of the client’s folder where none is named, as far as they are there', async () => {
    await put('.docker/ca.pem', CA);
    const env = { HOME: home, DOCKER_HOST: 'https://h' };
    expect((await resolveEndpoint(env)).tls).toEqual({ ca: CA });
  });

  it.each([
    ['fd://', /fd:/],
    ['localhost:2375', /no scheme/],
    ['unix://relative.sock', /not absolute/],
    ['http://h:1', /without TLS/],
    ['tcp://ho\nst:1', /whitespace or control characters/],
  ])('%s is refused', async (host, message) => {
    const env = { HOME: home, DOCKER_HOST: host, DOCKER_TLS_VERIFY: '1' };
    await expect(resolveEndpoint(env)).rejects.toMatchObject({
      code: 'engine.unsupported',
      message: expect.stringMatching(message) as string,
    });
    await expect(resolveEndpoint(env)).rejects.toThrow(/^DOCKER_HOST: /);
  });
});

describe('a context', () => {
  it('is the one of DOCKER_CONTEXT, else the current one, and comes after DOCKER_HOST', async () => {
    await putContext('near', { Host: 'unix:///near.sock' });
    await putContext(
      'far',
      { Host: 'tcp://far:2376' },
      { 'ca.pem': CA, 'cert.pem': 'cert', 'key.pem': 'key' },
    );
    await put('.docker/config.json', JSON.stringify({ currentContext: 'far', auths: {} }));
    const env = { HOME: home };
    expect(await resolveEndpoint(env)).toEqual({
      host: 'tcp://far:2376',
      tls: { ca: CA, cert: 'cert', key: 'key' },
      from: 'context far',
    });
    expect(await resolveEndpoint({ ...env, DOCKER_CONTEXT: 'near' })).toEqual({
      host: 'unix:///near.sock',
      tls: null,
      from: 'context near',
    });
    expect(await resolveEndpoint({ ...env, DOCKER_HOST: 'unix:///e.sock' })).toMatchObject({
      from: 'DOCKER_HOST',
    });
  });

  it.each([
    ['that is not there', 'absent', /"absent" cannot be used: it is not there/],
    ['that would leave the certificate unverified', 'careless', /unverified/],
  ])('%s is refused', async (_what, name, message) => {
    await putContext('careless', { Host: 'tcp://h:1', SkipTLSVerify: true });
    await expect(resolveEndpoint({ HOME: home, DOCKER_CONTEXT: name })).rejects.toMatchObject({
      code: 'engine.unsupported',
      message: expect.stringMatching(message) as string,
    });
  });

  it('a configuration that is a pipe is told, and nothing waits for it', async () => {
    await put('.docker/other', '');
    makeFifo(join(home, '.docker/config.json'));
    await expect(resolveEndpoint({ HOME: home })).rejects.toMatchObject({
      code: 'engine.unsupported',
      message: expect.stringContaining('cannot be read (no regular file)') as string,
    });
  });

  it('a configuration that cannot be read is told, without what it holds', async () => {
    await put('.docker/config.json', '{ "auths": { "r": { "auth": "c2VjcmV0" } }');
    const failure = await resolveEndpoint({ HOME: home }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'engine.unsupported' });
    expect(JSON.stringify(failure)).not.toContain('c2VjcmV0');
  });

  it.each([
    ['[]', /no JSON object/],
    ['"far"', /no JSON object/],
    ['{"currentContext":7}', /currentContext is no text/],
  ])('a configuration of another form is told, and no other engine taken: %s', async (text, message) => {
    await put('.docker/config.json', text);
    await expect(resolveEndpoint({ HOME: home })).rejects.toMatchObject({
      code: 'engine.unsupported',
      message: expect.stringMatching(message) as string,
    });
  });

  it.each(['', '\n', '{}', 'null', '{"currentContext":null}'])(
    'a configuration that says nothing names none: %j',
    async (text) => {
      await put('.docker/config.json', text);
      expect(await currentContext(join(home, '.docker'), {})).toBeNull();
    },
  );

  it('whose host cannot be used is named', async () => {
    await putContext('odd', { Host: 'ftp://h' });
    await expect(resolveEndpoint({ HOME: home, DOCKER_CONTEXT: 'odd' })).rejects.toThrow(
      /^context odd: .*ftp/,
    );
  });
});

describe('an authority that is no certificate', () => {
  const broken = CA.replace(/^(?!-)./gm, '*');

  it.each([
    ['nothing', ''],
    ['something else', 'certificate: none'],
    ['the bytes of one', Buffer.from(CA.replace(/-----.*-----/g, ''), 'base64').toString('latin1')],
    ['a broken one', broken],
  ])('is told by the name of its file: %s', async (_what, text) => {
    const file = await put('certs/ca.pem', text);
    await put('certs/cert.pem', 'cert');
    await put('certs/key.pem', 'key');
    await putContext('far', { Host: 'tcp://far' }, { 'ca.pem': text });
    await put('.docker/ca.pem', text);
    const refusal = (from: string | RegExp) => ({
      code: 'engine.unsupported',
      message: expect.stringMatching(from) as string,
      hint: expect.stringContaining('BEGIN CERTIFICATE') as string,
    });
    const host = { HOME: home, DOCKER_HOST: 'tcp://h' };
    const named = { ...host, DOCKER_CERT_PATH: join(home, 'certs') };
    await expect(resolveEndpoint(named)).rejects.toMatchObject(refusal(`${file} holds no certificate`));
    const given = resolveEndpoint(host, { tls: { caFile: file } });
    await expect(given).rejects.toMatchObject(refusal(`${file} holds no certificate`));
    const usual = resolveEndpoint({ ...host, DOCKER_TLS: '1' });
    await expect(usual).rejects.toMatchObject(refusal(/\.docker\/ca\.pem holds no certificate/));
    const context = resolveEndpoint({ HOME: home, DOCKER_CONTEXT: 'far' });
    await expect(context).rejects.toMatchObject(refusal(/contexts\/tls\/.*ca\.pem holds no certificate/));
    expect(() => dockerEngine({ host: 'tcp://h', tls: { ca: text } })).toThrow(
      expect.objectContaining(refusal(/tls\.ca holds no certificate/)),
    );
  });

  it('is not what stands beside one: words before it, and others after it', async () => {
    const ca = `subject=/CN=x\n${CA}\n${OTHER_CA}`;
    const endpoint = await resolveEndpoint({}, { host: 'tcp://h', tls: { caFile: await put('ca', ca) } });
    expect(endpoint.tls?.ca).toBe(ca);
    await dockerEngine(endpoint).close();
  });
});

describe('usual sockets', () => {
  it('are those of Docker, rootless Docker, Docker Desktop and Podman', () => {
    expect(usualSockets('/home/me', '/run/user/7', 'linux')).toEqual([
      'unix:///var/run/docker.sock',
      'unix:///run/user/7/docker.sock',
      'unix:///home/me/.docker/run/docker.sock',
      'unix:///home/me/.docker/desktop/docker.sock',
      'unix:///run/user/7/podman/podman.sock',
      'unix:///run/podman/podman.sock',
    ]);
    expect(usualSockets('C:', '', 'win32')).toEqual(['npipe:////./pipe/docker_engine']);
  });

  it('the first that takes a connection is chosen', async () => {
    const path = join(home, 'e.sock');
    const server = createServer().listen(path);
    onTestFinished(() => {
      server.close();
    });
    const file = await put('file', '');
    expect(await findAnswering([`unix://${home}/absent`, `unix://${file}`, `unix://${path}`])).toBe(
      `unix://${path}`,
    );
  });

  it('where none does, all that was tried is told, and what is likely to help', async () => {
    const file = await put('file', '');
    await expect(findAnswering([`unix://${home}/absent`, `unix://${file}`])).rejects.toMatchObject({
      code: 'engine.unreachable',
      message: `No container engine was found. Tried: unix://${home}/absent (ENOENT), unix://${file} (ECONNREFUSED).`,
      hint: `Nothing answers at unix://${file}: start its daemon.`,
    });
    await expect(findAnswering([`unix://${home}/absent`])).rejects.toMatchObject({
      hint: expect.stringContaining('DOCKER_HOST') as string,
    });
  });
});
