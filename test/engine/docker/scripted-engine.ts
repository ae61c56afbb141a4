/** A server on a unix socket that answers as a test tells it, and a real `dockerEngine` connected to it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { onTestFinished } from 'vitest';
import { dockerEngine } from '../../../src/engine/docker/docker-engine.js';
import type { ContainerEngine } from '../../../src/engine/types.js';

export interface Exchange {
  /** `GET /path?query` */
  readonly line: string;
  readonly request: IncomingMessage;
  readonly body: string;
  readonly response: ServerResponse;
  json(status: number, body: unknown): void;
}

export interface Script {
  /** The newest version of the API it speaks. Default 1.41. */
  readonly apiVersion?: string;
  /** May add to the answer of `GET /_ping`, which is not among the lines. */
  onPing?(response: ServerResponse): void;
  /** Sees a request of which the body is not read yet. */
  onHead?(request: IncomingMessage, response: ServerResponse): void;
  /** Whatever it returns is not looked at. */
  onRequest?(exchange: Exchange): unknown;
  onUpgrade?(line: string, socket: Duplex, head: Buffer): void;
}

export interface ScriptedEngine {
  readonly engine: ContainerEngine;
  /** The request lines so far. */
  readonly lines: readonly string[];
  readonly socketPath: string;
}

/** The upgrade answer of a real engine. */
export const UPGRADED =
  'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n';

const readAll = async (request: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
};

/** Starts the server; it ends with the test. */
export async function scriptedEngine(script: Script): Promise<ScriptedEngine> {
  const folder = await mkdtemp(path.join(tmpdir(), 'berthkit-engine-'));
  const socketPath = path.join(folder, 'e.sock');
  const lines: string[] = [];
  const sockets = new Set<Duplex>();
  const server = createServer((request, response) => {
    const line = `${request.method ?? ''} ${request.url ?? ''}`;
    // What every engine is asked first; the scripts are of what follows.
    if (line === 'GET /_ping') {
      response.setHeader('Api-Version', script.apiVersion ?? '1.41');
      script.onPing?.(response);
      response.end('OK');
      return;
    }
    lines.push(line);
    script.onHead?.(request, response);
    const json = (status: number, body: unknown) => {
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    };
    void readAll(request).then(
      (body) => script.onRequest?.({ line, request, body, response, json }),
      () => undefined,
    );
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (request, socket, head) => {
    const line = `${request.method ?? ''} ${request.url ?? ''}`;
    lines.push(line);
    script.onUpgrade?.(line, socket, head);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const engine = dockerEngine({ host: `unix://${socketPath}` });
  onTestFinished(async () => {
    await engine.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true, force: true });
  });
  return { engine, lines, socketPath };
}
