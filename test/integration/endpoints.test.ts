/** Ways to an engine: TLS, ssh and Docker's own contexts, each with a real engine at its end and a run through it. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { promisify } from 'node:util';
import { type ContainerEngine, dockerEngine, resolveEndpoint, type RuntimeConfigInput } from 'berthkit';
import ssh2, { type ServerChannel } from 'ssh2';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { makeSelfSigned } from '../tls/self-signed.js';
import { temporaryFolder, testRuntime } from './setup.js';
import { connectToEngine, engineHost, isRemote } from './test-engine.js';

const run = promisify(execFile);

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

/** Joins two connections until either ends, whatever way. */
function bridge(one: Socket | ServerChannel, other: Socket): void {
  one.pipe(other).pipe(one as Socket);
  for (const each of [one, other]) {
    each.on('error', () => {
      one.destroy();
      other.destroy();
    });
  }
  one.on('close', () => other.destroy());
}

/** Listens on a free port of this host, until the test is over. */
async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A job that reads its standard input and says who it is, over the engine of a configuration. */
async function echoThrough(
  engine: RuntimeConfigInput['engine'] | ContainerEngine,
): Promise<string | null | undefined> {
  const isEngine = engine !== undefined && 'containers' in engine;
  const runtime = isEngine ? await testRuntime({}, { engine }) : await testRuntime({ engine });
  const result = await runtime.runJob(
    { slug: 'echo', docker: { image, command: ['cat'], stdin: 'through the wire' } },
    { timeoutMs: 60_000 },
  );
  expect(result.status).toBe('succeeded');
  return result.stdout.text;
}

describe('TLS', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'berthkit-tls-'));
    const openssl = (...words: readonly string[]) => run('openssl', [...words], { cwd: folder });
    await writeFile(join(folder, 'san'), 'subjectAltName=IP:127.0.0.1\n');
    for (const authority of ['ca', 'stranger']) {
      await makeSelfSigned(folder, {
        key: `${authority}-key.pem`,
        certificate: `${authority}.pem`,
        name: authority,
      });
    }
    for (const [name, ...more] of [['server', '-extfile', 'san'], ['client']] as const) {
      const key = ['-keyout', `${name}-key.pem`, '-out', `${name}.csr`, '-subj', `/CN=${name}`];
      await openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', ...key);
      const signing = ['-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial', '-days', '2', ...more];
      await openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signing);
    }
    return async () => {
      await rm(folder, { recursive: true, force: true });
    };
  });

  const at = (name: string): string => join(folder, name);

  async function tlsPort(): Promise<number> {
    const server = createTlsServer(
      {
        key: await readFile(at('server-key.pem')),
        cert: await readFile(at('server.pem')),
        ca: await readFile(at('ca.pem')),
        requestCert: true,
        rejectUnauthorized: true,
      },
      (socket) => {
        bridge(socket, connectToEngine());
      },
    );
    return listen(server);
  }

  const files = () => ({ caFile: at('ca.pem'), certFile: at('client.pem'), keyFile: at('client-key.pem') });

  it('carries a run, standard input included', async () => {
    const host = `tcp://127.0.0.1:${String(await tlsPort())}`;
    expect(await echoThrough({ host, tls: files() })).toBe('through the wire');
  });

  it('is what DOCKER_TLS_VERIFY asks for, with the certificates of DOCKER_CERT_PATH', async () => {
    const certificates = await temporaryFolder();
    for (const [from, to] of [
      ['ca', 'ca'],
      ['client', 'cert'],
      ['client-key', 'key'],
    ] as const) {
      await writeFile(join(certificates, `${to}.pem`), await readFile(at(`${from}.pem`)));
    }
    const endpoint = await resolveEndpoint({
      DOCKER_HOST: `tcp://127.0.0.1:${String(await tlsPort())}`,
      DOCKER_TLS_VERIFY: 'true',
      DOCKER_CERT_PATH: certificates,
    });
    const engine = dockerEngine(endpoint);
    expect((await engine.info()).apiVersion).toMatch(/^1\.\d+$/);
    await engine.close();
  });

  it.each([
    ['an authority that did not sign it', () => ({ ...files(), caFile: at('stranger.pem') }), /not trusted/],
    ['another name', () => ({ ...files(), serverName: 'example.org' }), /another name/],
    ['no client certificate', () => ({ caFile: at('ca.pem') }), /client certificate|certificates|lost/],
  ])('with %s is refused, and nothing is sent', async (_what, tls, hint) => {
    const port = await tlsPort();
    const runtime = await testRuntime({ engine: { host: `tcp://127.0.0.1:${String(port)}`, tls: tls() } });
    await expect(runtime.runJob({ slug: 'x', docker: { image } })).rejects.toMatchObject({
      code: 'engine.unreachable',
      hint: expect.stringMatching(hint) as string,
    });
  });

  it('is never left out: a port without TLS is not spoken to', async () => {
    const port = await listen(
      createServer((socket) => {
        bridge(socket, connectToEngine());
      }),
    );
    const engine = dockerEngine({ host: `https://127.0.0.1:${String(port)}` });
    onTestFinished(() => engine.close());
    await expect(engine.info()).rejects.toMatchObject({ code: 'engine.unreachable' });
    const plain = dockerEngine({ host: `tcp://127.0.0.1:${String(port)}` });
    onTestFinished(() => plain.close());
    expect((await plain.info()).apiVersion).toMatch(/^1\.\d+$/);
  });
});

describe('ssh', () => {
  /** An ssh server that does what `docker system dial-stdio` does, and what it was asked to run. */
  async function sshServer(
    folder: string,
  ): Promise<{ readonly port: number; readonly asked: readonly string[] }> {
    const keyed = (name: string) =>
      run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]);
    await keyed('host');
    await keyed('user');
    const asked: string[] = [];
    const allowed = ssh2.utils.parseKey(await readFile(join(folder, 'user.pub')));
    if (allowed instanceof Error) throw allowed;
    const hostKeys = [await readFile(join(folder, 'host'))];
    const server = new ssh2.Server({ hostKeys }, (client) => {
      client.on('error', () => undefined);
      client.on('authentication', (attempt) => {
        const isUser = attempt.method === 'publickey' && attempt.key.data.equals(allowed.getPublicSSH());
        if (isUser && attempt.username === 'operator') attempt.accept();
        else attempt.reject(['publickey']);
      });
      client.on('ready', () => {
        client.on('session', (accept) => {
          accept().on('exec', (acceptExec, _reject, { command }) => {
            asked.push(command);
            bridge(acceptExec(), connectToEngine());
          });
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(
      () =>
        new Promise((resolve) =>
          server.close(() => {
            resolve();
          }),
        ),
    );
    const address = server.address();
    return { port: typeof address === 'object' && address !== null ? address.port : 0, asked };
  }

  async function sshConfig(folder: string, port: number, isKnown: boolean): Promise<readonly string[]> {
    const key = (await readFile(join(folder, 'host.pub'), 'utf8')).split(' ').slice(0, 2).join(' ');
    await writeFile(join(folder, 'known'), isKnown ? `[127.0.0.1]:${String(port)} ${key}\n` : '');
    const lines = ['Host *', 'IdentitiesOnly yes', `IdentityFile ${join(folder, 'user')}`];
    const known = [`UserKnownHostsFile ${join(folder, 'known')}`, 'GlobalKnownHostsFile /dev/null'];
    await writeFile(join(folder, 'config'), [...lines, ...known, ''].join('\n'));
    return ['-F', join(folder, 'config')];
  }

  it('carries a run, standard input included, by the docker client over there', async () => {
    const folder = await temporaryFolder();
    const { port, asked } = await sshServer(folder);
    const engine = dockerEngine({
      host: `ssh://operator@127.0.0.1:${String(port)}/run/user/7/a b.sock`,
      ssh: { arguments: await sshConfig(folder, port, true) },
    });
    onTestFinished(() => engine.close());
    expect(await echoThrough(engine)).toBe('through the wire');
    expect(new Set(asked)).toEqual(
      new Set(["docker --host unix://'/run/user/7/a b.sock' system dial-stdio"]),
    );
  });

  it.each([
    ['a host whose key is not known', 'operator', false, /Host key verification failed/],
    ['a user who is not let in', 'stranger', true, /Permission denied/],
  ])('is refused for %s', async (_what, user, isKnown, reason) => {
    const folder = await temporaryFolder();
    const { port, asked } = await sshServer(folder);
    const engine = dockerEngine({
      host: `ssh://${user}@127.0.0.1:${String(port)}`,
      ssh: { arguments: await sshConfig(folder, port, isKnown) },
    });
    onTestFinished(() => engine.close());
    await expect(engine.info()).rejects.toMatchObject({
      code: 'engine.unreachable',
      message: expect.stringMatching(reason) as string,
    });
    expect(asked).toEqual([]);
  });

  it('without the program says so', async () => {
    const engine = dockerEngine({ host: 'ssh://127.0.0.1', ssh: { program: '/nowhere/ssh' } });
    onTestFinished(() => engine.close());
    await expect(engine.info()).rejects.toMatchObject({
      code: 'engine.unreachable',
      message: expect.stringContaining('ENOENT') as string,
    });
  });
});

const PEM = expect.stringContaining('-----BEGIN ') as string;

describe('a context', () => {
  it('made by the docker client is found and used', async () => {
    const folder = await temporaryFolder();
    const config = join(folder, 'docker');
    await mkdir(config);
    const docker = (...words: readonly string[]) =>
      run('docker', [...words], { env: { PATH: process.env['PATH'], DOCKER_CONFIG: config } });
    const certificates = ['ca', 'cert', 'key'].map(
      (name) => `${name}=${join(process.env['DOCKER_CERT_PATH'] ?? '', name)}.pem`,
    );
    const words = [`host=${engineHost}`, ...(isRemote ? certificates : [])];
    await docker('context', 'create', 'here', '--docker', words.join(','));
    await docker('context', 'use', 'here');
    const endpoint = await resolveEndpoint({ DOCKER_CONFIG: config });
    const tls = isRemote ? { ca: PEM, cert: PEM, key: PEM } : null;
    expect(endpoint).toMatchObject({ host: engineHost, tls, from: 'context here' });
    const engine = dockerEngine(endpoint);
    onTestFinished(() => engine.close());
    expect(await echoThrough(engine)).toBe('through the wire');
  });
});
