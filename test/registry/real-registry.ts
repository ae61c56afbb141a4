/** Debian's `docker-registry` on 127.0.0.1 with one user, by TLS or without; gone with everything it held when it is closed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'node:https';
import { request as plainRequest } from 'node:http';
import { makeSelfSigned } from '../tls/self-signed.js';
import type { RegistryImage, RegistryObject } from './registry-image.js';

export const USER = { username: 'alice', password: 's3cret-of-alice' };
/** The line of htpasswd for {@link USER}: bcrypt, the only kind the registry takes. */
const HTPASSWD = 'alice:$2b$05$abcdefghijklmnopqrstuu6SdaO4ukD0CMVhd6QMDsUq2nFZ4PrJS\n';
const STARTED_WITHIN_MS = 60_000;

export interface RealRegistry {
  readonly host: string;
  /** Puts an image there as its user. */
  put(repository: string, tag: string, image: RegistryImage): Promise<void>;
  close(): Promise<void>;
}

export async function startRealRegistry({ tls }: { readonly tls: boolean }): Promise<RealRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'berthkit-registry-'));
  const host = `127.0.0.1:${String(await freePort())}`;
  if (tls)
    await makeSelfSigned(folder, {
      key: 'key.pem',
      certificate: 'cert.pem',
      name: 'registry',
      more: ['-addext', 'subjectAltName=IP:127.0.0.1'],
    });
  await writeFile(join(folder, 'htpasswd'), HTPASSWD);
  await writeFile(
    join(folder, 'config.yml'),
    [
      'version: 0.1',
      'log: { level: error }',
      `storage: { filesystem: { rootdirectory: ${folder}/data } }`,
      `auth: { htpasswd: { realm: test, path: ${folder}/htpasswd } }`,
      'http:',
      `  addr: ${host}`,
      ...(tls ? [`  tls: { certificate: ${folder}/cert.pem, key: ${folder}/key.pem }`] : []),
      '',
    ].join('\n'),
  );
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  ended.catch(() => undefined);
  const close = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      child.kill('SIGKILL');
      await ended;
    }
    await rm(folder, { recursive: true, force: true });
  };
  const call = caller(host, tls);
  try {
    await untilItAnswers(call);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    host,
    async put(repository, tag, { manifest, layer, config }) {
      for (const { digest, bytes } of [layer, config]) {
        const { headers } = await call('POST', `/v2/${repository}/blobs/uploads/`, { expected: 202 });
        const { pathname, search } = new URL(String(headers['location']), `https://${host}`);
        const target = `${pathname}${search}${search === '' ? '?' : '&'}digest=${digest}`;
        await call('PUT', target, { bytes, type: 'application/octet-stream', expected: 201 });
      }
      await call('PUT', `/v2/${repository}/manifests/${tag}`, { ...manifest, expected: 201 });
    },
    close,
  };
}

interface CallOptions extends Partial<Pick<RegistryObject, 'bytes' | 'type'>> {
  readonly expected: number;
}
type Call = (
  method: string,
  path: string,
  options: CallOptions,
) => Promise<{ readonly headers: Readonly<Record<string, unknown>> }>;

function caller(host: string, tls: boolean): Call {
  const authorization = `Basic ${Buffer.from(`${USER.username}:${USER.password}`).toString('base64')}`;
  return async (method, path, { bytes, type, expected }) =>
    new Promise((resolve, reject) => {
      const headers = {
        Authorization: authorization,
        'Content-Length': String(bytes?.length ?? 0),
        ...(type === undefined ? {} : { 'Content-Type': type }),
      };
      const [hostname, port] = host.split(':');
      // Its certificate is its own.
      const options = {
        hostname,
        port,
        method,
        path,
        headers,
        rejectUnauthorized: false,
        agent: false as const,
      };
      const outgoing = (tls ? request : plainRequest)(options, (response) => {
        response.resume();
        response.once('end', () => {
          if (response.statusCode === expected) resolve({ headers: response.headers });
          else reject(new Error(`${method} ${path}: ${String(response.statusCode)}`));
        });
      });
      outgoing.once('error', reject);
      outgoing.end(bytes);
    });
}

async function untilItAnswers(call: Call): Promise<void> {
  const deadline = Date.now() + STARTED_WITHIN_MS;
  for (;;) {
    try {
      await call('GET', '/v2/', { expected: 200 });
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(50);
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
