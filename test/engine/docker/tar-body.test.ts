/** Tars on their way to an engine: what becomes of their memory, and that they are let go of. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { dockerEngine } from '../../../src/engine/docker/docker-engine.js';
import { createChunkMemory, lendChunk } from '../../../src/host/lent-chunks.js';
import { scratch } from '../../host/scratch.js';
import { type Script, scriptedEngine } from './scripted-engine.js';

const id = 'a'.repeat(64);

describe('the memory of a tar that is sent', () => {
  const MIB = 1024 * 1024;
  const COUNT = 64;
  /** Each chunk is of another letter; with or without its memory being lent. */
  async function* letters(isLent: boolean, seen: Set<unknown>): AsyncGenerator<Uint8Array> {
    const take = createChunkMemory(MIB);
    for (let index = 0; index < COUNT; index += 1) {
      const chunk = take().fill(97 + (index % 26));
      seen.add(chunk.buffer);
      if (isLent) lendChunk(chunk);
      yield await Promise.resolve(chunk);
    }
  }

  it.each([true, false])('is used again once the system has it, where it is lent (%s)', async (isLent) => {
    const hash = createHash('sha256');
    for (let index = 0; index < COUNT; index += 1) hash.update(Buffer.alloc(MIB, 97 + (index % 26)));
    let received = '';
    const { engine } = await scriptedEngine({
      onRequest: ({ body, response }) => {
        received = createHash('sha256').update(body).digest('hex');
        response.end();
      },
    });
    const seen = new Set<unknown>();
    await engine.containers.copyIn?.(id, '/', letters(isLent, seen));
    expect(received).toBe(hash.digest('hex'));
    if (isLent) expect(seen.size).toBeLessThan(COUNT / 2);
    else expect(seen.size).toBe(COUNT);
  });

  it('is not used again where ssh has it: a program in between may still wait for it', async () => {
    const { socketPath } = await scriptedEngine({ onRequest: ({ response }) => response.end() });
    const program = join(await scratch(), 'ssh');
    const script = [
      `#!${process.execPath}`,
      `const socket = require('node:net').connect(${JSON.stringify(socketPath)});`,
      'process.stdin.pipe(socket).pipe(process.stdout);',
      "socket.on('close', () => process.exit());",
    ];
    await writeFile(program, script.join('\n'), { mode: 0o755 });
    const engine = dockerEngine({ host: 'ssh://there', ssh: { program } });
    onTestFinished(async () => engine.close());
    const seen = new Set<unknown>();
    await engine.containers.copyIn?.(id, '/', letters(true, seen));
    expect(seen.size).toBe(COUNT);
  });

  it.each<[string, () => AsyncGenerator]>([
    [
      'is no bytes',
      async function* () {
        yield await Promise.resolve(5);
      },
    ],
    [
      'is nothing',
      async function* () {
        yield await Promise.resolve(null);
      },
    ],
  ])('is not sent where a chunk %s', async (_, give) => {
    const { engine } = await scriptedEngine({ onRequest: ({ response }) => response.end() });
    const tar = give() as AsyncGenerator<Uint8Array>;
    await expect(engine.containers.copyIn?.(id, '/', tar)).rejects.toThrow(/expected bytes/);
  });

  it.each<[string, string, NonNullable<Script['onHead']>]>([
    [
      'the connection breaks',
      'engine.unreachable',
      (request) => request.once('data', () => request.destroy()),
    ],
    [
      'the engine refuses it',
      'engine.failed',
      (_, response) => response.writeHead(500).end('{"message":"full"}'),
    ],
  ])('is let go of when %s in the middle, which is the engine’s failure', async (_, code, onHead) => {
    let isLetGo = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield await Promise.resolve(Buffer.alloc(MIB));
      } finally {
        isLetGo = true;
      }
    }
    const { engine } = await scriptedEngine({ onHead });
    await expect(engine.containers.copyIn?.(id, '/', endless())).rejects.toMatchObject({ code });
    await expect.poll(() => isLetGo, { timeout: 60_000 }).toBe(true);
  });
});
