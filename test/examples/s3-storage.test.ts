/** The S3 adapter of the examples passes the suite every adapter has to pass, against real servers on this machine. */
import { createHash, randomUUID } from 'node:crypto';
import { type ListObjectsV2CommandInput, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import type { WriteOptions } from 'berthkit/storage';
import { storageConformance } from 'berthkit/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { s3Storage } from '../../examples/s3-storage/s3-storage.js';
import { noSignal } from '../host/scratch.js';
import { hasMoto, type S3Server, startMoto, startS3rver } from './s3-servers.js';

type ServerCase = readonly [name: string, start: () => Promise<S3Server>, isComplete: boolean];

const servers: readonly ServerCase[] = [
  // It can neither throw away an upload in parts nor go on with a list.
  ['s3rver', startS3rver, false],
  // Not a dependency of this project: where Python has no moto, s3rver alone has to do.
  ...(hasMoto() ? [['moto', startMoto, true] as const] : []),
];

const MEBIBYTE = 1024 * 1024;
/** More than two parts of an upload in parts. */
const LARGE = Buffer.alloc(11 * MEBIBYTE, 'berthkit');

const announce = (bytes: Uint8Array, options: Partial<WriteOptions> = {}): WriteOptions => ({
  sizeBytes: bytes.byteLength,
  sha256: createHash('sha256').update(bytes).digest('hex'),
  contentType: null,
  overwrite: false,
  metadata: { team: 'Zürich' },
  idempotencyKey: randomUUID(),
  signal: noSignal(),
  ...options,
});

async function* inChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += MEBIBYTE) {
    yield await Promise.resolve(bytes.subarray(at, at + MEBIBYTE));
  }
}

describe.each(servers)('s3Storage on %s', (_name, start, isComplete) => {
  let server: S3Server;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(async () => {
    await server.close();
  });
  const storage = () => s3Storage(server.client, server.bucket, 'deep/inside/');
  const itWhereComplete = (name: string, test: () => Promise<void>): void => {
    if (isComplete) it(name, test);
  };

  it.each(storageConformance(() => Promise.resolve({ storage: storage() })))('$name', ({ run }) => run());

  it('a large file goes up in parts, under the same conditions', async () => {
    const path = `${randomUUID()}/large`;
    const { signal } = announce(LARGE);
    await storage().write(path, inChunks(LARGE), announce(LARGE));
    const hash = createHash('sha256');
    for await (const chunk of await storage().read(path, { signal })) hash.update(chunk);
    expect(hash.digest('hex')).toBe(announce(LARGE).sha256);
    expect(await storage().stat(path, { signal })).toMatchObject({
      sizeBytes: LARGE.byteLength,
      sha256: announce(LARGE).sha256,
    });
    const again = storage().write(path, inChunks(LARGE), announce(LARGE));
    await expect(again).rejects.toMatchObject({ code: 'storage.exists' });
  });

  itWhereComplete('a large file that turns out short leaves neither an object nor parts', async () => {
    const path = `${randomUUID()}/large`;
    const short = storage().write(path, inChunks(LARGE.subarray(1)), announce(LARGE));
    await expect(short).rejects.toMatchObject({ code: 'storage.failed' });
    expect(await storage().stat(path, { signal: noSignal() })).toBeNull();
    const listed = await server.client.send(new ListMultipartUploadsCommand({ Bucket: server.bucket }));
    expect(listed.Uploads ?? []).toEqual([]);
  });

  it('a write whose answer was lost is done, not refused, when the client repeats it', async () => {
    const client = server.connect();
    let lost = 0;
    client.middlewareStack.add(
      (next, { commandName }) =>
        async (request) => {
          const answer = await next(request);
          if (commandName !== 'PutObjectCommand' || lost > 0) return answer;
          lost += 1;
          throw Object.assign(new Error('socket hang up'), { name: 'TimeoutError' });
        },
      { step: 'deserialize', priority: 'high' },
    );
    const path = `${randomUUID()}/file`;
    const bytes = Buffer.from('stored once');
    const adapter = s3Storage(client, server.bucket);
    expect(await adapter.write(path, inChunks(bytes), announce(bytes))).toMatchObject({
      path,
      sizeBytes: 11,
    });
    expect(lost).toBe(1);
    client.destroy();
  });

  itWhereComplete('a list goes through all its pages', async () => {
    const client = server.connect();
    client.middlewareStack.add(
      (next, { commandName }) =>
        async (request) => {
          if (commandName !== 'ListObjectsV2Command') return next(request);
          pages += 1;
          return next({ ...request, input: { ...(request.input as ListObjectsV2CommandInput), MaxKeys: 2 } });
        },
      { step: 'initialize' },
    );
    let pages = 0;
    const adapter = s3Storage(client, server.bucket);
    const folder = randomUUID();
    const names = ['a/1', 'a/2', 'a/3', 'b/1', 'c'];
    for (const each of names) {
      const bytes = Buffer.from(each);
      await adapter.write(`${folder}/${each}`, inChunks(bytes), announce(bytes));
    }
    const listed: string[] = [];
    for await (const { path } of adapter.list(folder, { signal: noSignal() })) listed.push(path);
    expect(listed).toEqual(['a', 'a/1', 'a/2', 'a/3', 'b', 'b/1', 'c'].map((each) => `${folder}/${each}`));
    expect(pages).toBe(3);
    client.destroy();
  });
});
