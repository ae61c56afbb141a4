import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { ContainerEngine, EngineEvent } from '../../../src/engine/types.js';
import { MAX_LINE_BYTES } from '../../../src/engine/docker/lines.js';
import { scriptedEngine } from './scripted-engine.js';

const ID = 'a'.repeat(64);
const line = (Action: string): string => `${JSON.stringify({ Action })}\n`;

const readAll = async (engine: ContainerEngine, signal?: AbortSignal): Promise<EngineEvent[]> => {
  const all: EngineEvent[] = [];
  for await (const event of engine.events!({ containerId: ID }, { signal })) all.push(event);
  return all;
};

/** An engine whose clock stands, and that answers for its events as a test says. */
const answering = async (
  answer: (response: ServerResponse) => void,
  date = 'Fri, 02 Jan 2026 03:04:05 GMT',
): ReturnType<typeof scriptedEngine> =>
  scriptedEngine({
    onPing: (response) => response.setHeader('Date', date),
    onRequest: ({ response }) => {
      answer(response);
    },
  });

describe('events', () => {
  it('are asked from the beginning to the next second of the engine’s own clock', async () => {
    const { engine, lines } = await answering((response) => response.end(line('start') + line('die')));
    expect((await readAll(engine)).map(({ type }) => type)).toEqual(['start', 'die']);
    const url = new URL((lines[0] ?? '').replace('GET ', ''), 'http://engine');
    expect([url.pathname, url.searchParams.get('since'), url.searchParams.get('until')]).toEqual([
      '/events',
      '0',
      String(Date.UTC(2026, 0, 2, 3, 4, 5) / 1000 + 1),
    ]);
    expect(JSON.parse(url.searchParams.get('filters') ?? '')).toMatchObject({ container: [ID] });
  });

  it('are asked by our own clock where the engine tells no time', async () => {
    const before = Math.floor(Date.now() / 1000);
    const { engine, lines } = await answering((response) => response.end(), 'never');
    await readAll(engine);
    const until = Number(
      new URL((lines[0] ?? '').replace('GET ', ''), 'http://engine').searchParams.get('until'),
    );
    expect(until).toBeGreaterThan(before);
  });

  it('of an id that is more than an id are never asked for', async () => {
    const { engine, lines } = await answering((response) => response.end());
    const events = engine.events!({ containerId: 'x/../y' })[Symbol.asyncIterator]();
    await expect(events.next()).rejects.toMatchObject({ code: 'engine.failed' });
    expect(lines).toEqual([]);
  });

  it('that break off, are refused, or are no lines reject', async () => {
    const broken = await answering((response) => {
      response.write(line('start'));
      setTimeout(() => response.destroy(), 10);
    });
    await expect(readAll(broken.engine)).rejects.toMatchObject({ code: 'engine.unreachable' });
    const refused = await answering((response) => response.writeHead(500).end('{"message":"no"}'));
    await expect(readAll(refused.engine)).rejects.toMatchObject({ code: 'engine.failed' });
    const endless = await answering((response) => response.end('x'.repeat(MAX_LINE_BYTES + 1)));
    await expect(readAll(endless.engine)).rejects.toMatchObject({ code: 'engine.failed' });
  });

  it('that never end are given up by the signal, by the reader and by closing the engine', async () => {
    const closed: string[] = [];
    const silent = async (name: string, asked?: () => void): ReturnType<typeof scriptedEngine> =>
      answering((response) => {
        response.on('close', () => closed.push(name));
        response.write(line('start'), asked);
      });
    const controller = new AbortController();
    const reason = new Error('enough');
    const first = await silent('by the signal', () => {
      controller.abort(reason);
    });
    await expect(readAll(first.engine, controller.signal)).rejects.toBe(reason);
    const second = await silent('by the reader');
    for await (const { type } of second.engine.events!({ containerId: ID })) if (type === 'start') break;
    const third = await silent('by closing');
    const rest = third.engine.events!({ containerId: ID })[Symbol.asyncIterator]();
    await rest.next();
    const last = expect(rest.next()).rejects.toMatchObject({ code: 'engine.unreachable' });
    await third.engine.close();
    await last;
    await expect
      .poll(() => closed.sort(), { timeout: 10_000 })
      .toEqual(['by closing', 'by the reader', 'by the signal']);
  });
});
