/** S3 servers on this machine for tests: one from npm, and moto where Python has it. Nothing here reaches a network. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { CreateBucketCommand, HeadObjectCommand, NotFound, S3Client } from '@aws-sdk/client-s3';
import S3rver from 's3rver';

/** A server that runs, with an empty bucket. */
export interface S3Server {
  readonly client: S3Client;
  readonly bucket: string;
  /** A client with a middleware stack of its own. */
  connect(): S3Client;
  close(): Promise<void>;
}

const BUCKET = 'results';

const clientFor = (endpoint: string): S3Client =>
  new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
    // s3rver would store the trailing checksum as part of the object.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });

/** s3rver, with the one thing it lacks put before it: conditional writes, as S3 documents them for PutObject and CompleteMultipartUpload. */
export async function startS3rver(): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), 'berthkit-test-'));
  const s3rver = new S3rver({ directory, silent: true, address: '127.0.0.1' });
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = clientFor(endpoint);
  server.on('request', withConditionalWrites(client, s3rver.callback()));
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  return {
    client,
    bucket: BUCKET,
    connect: () => clientFor(endpoint),
    async close() {
      client.destroy();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function withConditionalWrites(client: S3Client, handle: RequestListener): RequestListener {
  const tails = new Map<string, Promise<void>>();
  const exists = async (key: string): Promise<boolean> => {
    try {
      await client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: key }));
      return true;
    } catch (error) {
      if (error instanceof NotFound) return false;
      throw error;
    }
  };
  const decide = async (request: IncomingMessage, response: ServerResponse, key: string): Promise<void> => {
    const closed = once(response, 'close');
    if (await exists(key)) {
      request.resume();
      response.writeHead(412, { 'content-type': 'application/xml' });
      response.end('<Error><Code>PreconditionFailed</Code><Message>it exists</Message></Error>');
    } else {
      handle(request, response);
    }
    await closed;
  };
  return (request, response) => {
    if (request.headers['if-none-match'] !== '*') {
      handle(request, response);
      return;
    }
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const key = decodeURIComponent(pathname).slice(`/${BUCKET}/`.length);
    // One at a time for each key, as S3 does: what one stored is there for the next.
    const turn = (tails.get(key) ?? Promise.resolve()).then(() => decide(request, response, key));
    tails.set(
      key,
      turn.catch(() => response.destroy()).then(() => undefined),
    );
  };
}

/** Whether moto is installed on this machine; it comes from Python and is no dependency of this project. */
export const hasMoto = (): boolean => spawnSync('moto_server', ['--help'], { stdio: 'ignore' }).status === 0;

/** moto, an independent account of what S3 does, conditional writes included. */
export async function startMoto(): Promise<S3Server> {
  const child = spawn('moto_server', ['-H', '127.0.0.1', '-p', '0'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const lines = createInterface({ input: child.stderr });
  let endpoint: string | undefined;
  for await (const line of lines) {
    endpoint = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
    if (endpoint !== undefined) break;
  }
  child.stderr.resume();
  if (endpoint === undefined) throw new Error('moto ended before it listened');
  const client = clientFor(endpoint);
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  return {
    client,
    bucket: BUCKET,
    connect: () => clientFor(endpoint),
    async close() {
      client.destroy();
      child.kill('SIGKILL');
      await once(child, 'close');
    },
  };
}
