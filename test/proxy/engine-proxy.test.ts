/** The proxy before an engine passes everything through unless told otherwise, and spoils exactly what it is told to. */
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EngineProxy, type EngineProxyOptions, startEngineProxy } from './engine-proxy.js';
import type { Fault } from './faults.js';

const folder = mkdtempSync(join(tmpdir(), 'proxied-'));
const socketPath = join(folder, 'engine.sock');
const heard: string[] = [];
let server: Server;

beforeAll(async () => {
  server = createServer((incoming, outgoing) => {
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    incoming.on('end', () => {
      heard.push(`${incoming.method ?? ''} ${incoming.url ?? ''} ${Buffer.concat(parts).toString()}`);
      outgoing.end(`answer to ${Buffer.concat(parts).toString()}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
});

afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

async function call(
  options: Omit<EngineProxyOptions, 'engine'>,
  body = 'hello',
): Promise<{ readonly status: number; readonly text: string; readonly proxy: EngineProxy }> {
  heard.length = 0;
  const proxy = await startEngineProxy({ engine: `unix://${socketPath}`, ...options });
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const path = proxy.host.replace('unix://', '');
      const outgoing = request({ socketPath: path, path: '/v1.41/containers/create?name=x', method: 'POST' });
      outgoing.on('response', resolve).on('error', reject);
      outgoing.setTimeout(500, () => outgoing.destroy(new Error('no answer')));
      outgoing.end(body);
    });
    let text = '';
    for await (const part of response) text += String(part);
    return { status: response.statusCode ?? 0, text, proxy };
  } finally {
    await proxy.close();
  }
}

const spoiled = async (fault: Fault): ReturnType<typeof call> => call({ spoil: () => fault });

describe('a proxy before an engine', () => {
  it.each(['', 'hello', 'x'.repeat(200_000)])('passes a call and its answer on (case %#)', async (body) => {
    const { status, text, proxy } = await call({}, body);
    expect({ status, text }).toEqual({ status: 200, text: `answer to ${body}` });
    expect(heard).toEqual([`POST /v1.41/containers/create?name=x ${body}`]);
    expect(proxy.calls).toMatchObject([{ method: 'POST', path: '/containers/create' }]);
    expect(proxy.calls[0]?.body.toString()).toBe(body);
  });

  it('rewrites a call', async () => {
    const { text } = await call({ rewrite: (each) => ({ ...each, body: Buffer.from('another body') }) });
    expect(text).toBe('answer to another body');
  });

  it.each<[Fault, number]>([
    [{ kind: 'cut_before' }, 0],
    [{ kind: 'cut_after' }, 1],
    [{ kind: 'no_answer' }, 1],
    [{ kind: 'half_close' }, 1],
    [{ kind: 'garbage' }, 0],
  ])('$kind leaves the client without an answer', async (fault, times) => {
    await expect(spoiled(fault)).rejects.toThrow();
    expect(heard).toHaveLength(times);
  });

  it.each([404, 409, 431, 500] as const)('answers %i in the name of the engine', async (status) => {
    expect(await spoiled({ kind: 'status', status })).toMatchObject({ status });
    expect(heard).toEqual([]);
  });

  it('answers with a success that holds an error', async () => {
    const { status, text } = await spoiled({ kind: 'error_in_stream' });
    expect(status).toBe(200);
    expect(text).toContain('errorDetail');
    expect(heard).toEqual([]);
  });

  it.each<Fault>([{ kind: 'delay', milliseconds: 50 }, { kind: 'one_byte' }])(
    '$kind changes nothing but the time it takes',
    async (fault) => {
      expect(await spoiled(fault)).toMatchObject({ status: 200, text: 'answer to hello' });
      expect(heard).toHaveLength(1);
    },
  );
});
