/** Calls that may be made twice share connections for a moment; what that must not change is shown on a server that closes them. */
import type { Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { scriptedEngine, type Script } from './scripted-engine.js';

const ID = 'a'.repeat(64);
const CONTAINER = {
  Id: ID,
  Name: '/c',
  Config: {},
  HostConfig: {},
  State: { Status: 'created' },
  Created: '',
};

/** A server that notes over which connection each call came, the first being 0. */
async function counting(script: Script = {}) {
  const connections: Socket[] = [];
  const seen: [line: string, connection: number][] = [];
  const numberOf = (socket: Socket): number => {
    if (!connections.includes(socket)) connections.push(socket);
    return connections.indexOf(socket);
  };
  const { engine } = await scriptedEngine({
    onRequest: (exchange) => {
      const { line, request, json } = exchange;
      seen.push([line.replace(/^(\S+) \S*\/(\w+)(\?.*)?$/, '$1 $2'), numberOf(request.socket)]);
      if (script.onRequest !== undefined) return script.onRequest(exchange);
      json(200, CONTAINER);
      return undefined;
    },
  });
  return { engine, seen, connections };
}

describe('connections that are kept', () => {
  it('carry inspections one after another, and none beside each other', async () => {
    const { engine, seen } = await counting();
    await engine.containers.inspect(ID);
    await engine.containers.inspect(ID);
    await Promise.all([engine.containers.inspect(ID), engine.containers.inspect(ID)]);
    const [first, second, ...together] = seen.map(([, connection]) => connection);
    expect([first, second]).toEqual([0, 0]);
    expect(new Set(together).size).toBe(2);
  });

  it('never carry what must not be done twice', async () => {
    const { engine, seen } = await counting({
      onRequest: ({ line, response, json }) => {
        if (line.startsWith('GET')) json(200, CONTAINER);
        else response.writeHead(204).end();
      },
    });
    await engine.containers.inspect(ID);
    await engine.containers.start(ID);
    await engine.containers.kill(ID, 'SIGTERM');
    await engine.containers.inspect(ID);
    expect(seen.map(([line, connection]) => [line.split(' ')[0], connection])).toEqual([
      ['GET', 0],
      ['POST', 1],
      ['POST', 2],
      ['GET', 0],
    ]);
  });

  it('that the engine closes with the next call are replaced, and the call is made again', async () => {
    let calls = 0;
    const { engine, seen } = await counting({
      onRequest: ({ request, json }) => {
        calls += 1;
        // Taken, but never answered: what a connection does that was closed just when it was used.
        if (calls === 2) request.socket.destroy();
        else json(200, CONTAINER);
      },
    });
    await engine.containers.inspect(ID);
    await expect(engine.containers.inspect(ID)).resolves.toMatchObject({ id: ID });
    expect(seen.map(([, connection]) => connection)).toEqual([0, 0, 1]);
  });

  it('carry the wait for a container, again on one that was closed with it', async () => {
    let waits = 0;
    const { engine, seen } = await counting({
      onRequest: ({ line, request, response, json }) => {
        if (line.startsWith('GET')) json(200, CONTAINER);
        else if (line.endsWith('/start')) response.writeHead(204).end();
        else if ((waits += 1) === 1) request.socket.destroy();
        else json(200, { StatusCode: 0 });
      },
    });
    await engine.containers.start(ID);
    await engine.containers.inspect(ID);
    await engine.containers.wait(ID);
    await engine.containers.inspect(ID);
    expect(seen.map(([line, connection]) => [line.split(' ')[0], connection])).toEqual([
      ['POST', 0],
      ['GET', 1],
      ['POST', 1],
      ['POST', 2],
      ['GET', 3],
    ]);
  });

  it('are no reason to make a call three times, nor one that failed on a connection of its own', async () => {
    const { engine, seen } = await counting({ onRequest: ({ request }) => request.socket.destroy() });
    await expect(engine.containers.inspect(ID)).rejects.toMatchObject({ code: 'engine.unreachable' });
    expect(seen).toHaveLength(1);
  });

  it('are not used again after an answer that was cut', async () => {
    let calls = 0;
    const { engine, seen } = await counting({
      onRequest: ({ response, json }) => {
        calls += 1;
        if (calls !== 2) {
          json(200, CONTAINER);
          return;
        }
        response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '100' });
        response.write('{', () => response.destroy());
        return undefined;
      },
    });
    await engine.containers.inspect(ID);
    // An answer had begun: the engine was there, and what happened to it is to be told.
    await expect(engine.containers.inspect(ID)).rejects.toMatchObject({ code: 'engine.unreachable' });
    await engine.containers.inspect(ID);
    expect(seen.map(([, connection]) => connection)).toEqual([0, 0, 1]);
  });

  describe('tell no end of a container: an engine that is shut down answers over them, and takes no others', () => {
    const states = async (...given: readonly string[]) => {
      const left = [...given];
      return counting({
        onRequest: ({ line, response, json }) => {
          if (line.startsWith('POST')) response.writeHead(200).end('{"StatusCode":0}');
          else json(200, { ...CONTAINER, State: { Status: left.shift() ?? 'exited', ExitCode: 0 } });
        },
      });
    };

    it('where it was waited for', async () => {
      const { engine, seen } = await states('running', 'running');
      await engine.containers.wait(ID);
      await engine.containers.inspect(ID);
      await engine.containers.inspect(ID);
      expect(seen).toEqual([
        ['GET json', 0],
        ['POST wait', 0],
        ['GET json', 1],
        ['GET json', 0],
        ['GET json', 2],
      ]);
    });

    it('where it was not', async () => {
      const { engine, seen } = await states('running');
      expect(await engine.containers.inspect(ID)).toMatchObject({ status: 'running' });
      expect(await engine.containers.inspect(ID)).toMatchObject({ status: 'exited' });
      expect(seen).toEqual([
        ['GET json', 0],
        ['GET json', 0],
        ['GET json', 1],
      ]);
    });
  });

  it('end with an abort of their call', async () => {
    const { engine, connections } = await counting({ onRequest: () => undefined });
    const controller = new AbortController();
    const inspecting = engine.containers.inspect(ID, { signal: controller.signal });
    await vi.waitFor(() => {
      expect(connections).toHaveLength(1);
    });
    controller.abort(new Error('enough'));
    await expect(inspecting).rejects.toThrow('enough');
    await vi.waitFor(() => {
      expect(connections[0]?.destroyed).toBe(true);
    });
  });

  it('end with the engine object', async () => {
    const { engine, connections } = await counting();
    await engine.containers.inspect(ID);
    expect(connections[0]?.destroyed).toBe(false);
    await engine.close();
    await vi.waitFor(() => {
      expect(connections[0]?.destroyed).toBe(true);
    });
  });

  it('carry a call to its end that takes longer than they are kept without one', async () => {
    let calls = 0;
    const { engine, seen } = await counting({
      onRequest: ({ json }) => {
        calls += 1;
        if (calls === 1) json(200, CONTAINER);
        else
          setTimeout(() => {
            json(200, CONTAINER);
          }, 1_500);
      },
    });
    await engine.containers.inspect(ID);
    await expect(engine.containers.inspect(ID)).resolves.toMatchObject({ id: ID });
    expect(seen.map(([, connection]) => connection)).toEqual([0, 0]);
  });

  it('end by themselves when nobody uses them', async () => {
    const { engine, connections } = await counting();
    await engine.containers.inspect(ID);
    await vi.waitFor(
      () => {
        expect(connections[0]?.destroyed).toBe(true);
      },
      { timeout: 60_000 },
    );
  });
});
