/** Bytes into a job, on a real engine: standard input and files of every kind, whole, read once, and no failure when the job does not care. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunOptions, RunResult } from 'berthkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { temporaryFolder, testRuntime } from './setup.js';

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

async function run(script: string, options: RunOptions): Promise<RunResult> {
  const runtime = await testRuntime({ stopGraceMs: 1000 });
  return runtime.runJob(
    { docker: { image, command: ['sh', '-c', script], workingDirectory: '/workspace' } },
    options,
  );
}

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

async function* once(text: string, counter: { count: number }): AsyncGenerator<Uint8Array> {
  counter.count += 1;
  for (let at = 0; at < text.length; at += 50_000)
    yield await Promise.resolve(Buffer.from(text.slice(at, at + 50_000)));
}

describe('what goes in', () => {
  const text = 'né\0'.repeat(100_000);

  it.each(['text', 'bytes', 'stream', 'path'] as const)(
    'standard input as %s arrives whole',
    async (kind) => {
      const counter = { count: 0 };
      const path = join(await temporaryFolder(), 'in');
      await writeFile(path, text);
      const content = { text, bytes: Buffer.from(text), stream: once(text, counter), path: { path } }[kind];
      const result = await run('sha256sum', { stdin: content });
      expect(result.stdout.text).toBe(`${sha256(text)}  -\n`);
      expect(result.given.stdin).toEqual({ sizeBytes: Buffer.byteLength(text), sha256: sha256(text) });
      expect(counter.count).toBe(kind === 'stream' ? 1 : 0);
    },
  );

  it('standard input that breaks off ends the job, which never takes the half for the whole', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('half\n');
      yield await Promise.reject(new Error('the sender hung up'));
    }
    const result = await run('trap "" TERM; cat; echo and that was all', { stdin: broken() });
    expect(result).toMatchObject({
      ...{ status: 'cancelled', reason: 'cancelled', retryable: false, warnings: [] },
      message: expect.stringContaining('its standard input broke off: the sender hung up') as string,
      given: { stdin: { sizeBytes: null, sha256: null } },
    });
    expect(result.stdout.text).not.toContain('all');
  });

  it.each(['text', 'bytes', 'stream', 'path'] as const)(
    'standard input as %s that the job does not read, or not to its end, is no failure',
    async (kind) => {
      const large = text.repeat(20);
      const path = join(await temporaryFolder(), 'in');
      await writeFile(path, large);
      for (const script of ['exit 0', 'head -c 3 > /dev/null', 'exec <&-; sleep 0.2']) {
        const content = {
          text: large,
          bytes: Buffer.from(large),
          stream: once(large, { count: 0 }),
          path: { path },
        }[kind];
        const result = await run(script, { stdin: content });
        expect(result).toMatchObject({ status: 'succeeded', warnings: [], logsComplete: true });
        const whole = { sizeBytes: Buffer.byteLength(large), sha256: sha256(large) };
        const isKnown = kind === 'text' || kind === 'bytes';
        expect(result.given.stdin).toEqual(isKnown ? whole : { sizeBytes: null, sha256: null });
      }
    },
  );

  it('a stream that never ends is let go of when the job is over', async () => {
    let open = true;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield await Promise.resolve(Buffer.alloc(65_536));
      } finally {
        open = false;
      }
    }
    expect(await run('head -c 5', { stdin: endless() })).toMatchObject({ status: 'succeeded' });
    await expect.poll(() => open, { timeout: 30_000 }).toBe(false);
  });

  it('files of every kind arrive, and those that may be run can be', async () => {
    const counter = { count: 0 };
    const folder = await temporaryFolder();
    const path = join(folder, 'local');
    await writeFile(path, text);
    const files = {
      text,
      bytes: Buffer.from(text),
      stream: once(text, counter),
      path: { path },
      folder: { path: folder },
      'deep/er/stream': { content: once(text, counter) },
      'run-text': { content: '#!/bin/sh\necho ran-text', executable: true },
      'run-stream': { content: once('#!/bin/sh\necho ran-stream', counter), executable: true },
    };
    const script =
      'sha256sum text bytes stream path folder/local deep/er/stream; ./run-text; ./run-stream; [ -x text ] && echo executable; true';
    const result = await run(script, { files });
    const names = ['text', 'bytes', 'stream', 'path', 'folder/local', 'deep/er/stream'];
    const sums = names.map((name) => `${sha256(text)}  ${name}\n`).join('');
    expect(result.stdout.text).toBe(`${sums}ran-text\nran-stream\n`);
    expect(counter.count).toBe(3);
  });
});
