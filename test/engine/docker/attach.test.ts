import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { dockerEngine } from '../../../src/engine/docker/docker-engine.js';
import type { Attachment } from '../../../src/engine/types.js';
import { collect, frame } from './frames.js';
import { UPGRADED, scriptedEngine } from './scripted-engine.js';

const id = 'a'.repeat(64);

interface Attached {
  readonly attachment: Attachment;
  readonly lines: readonly string[];
  /** The engine's ends of the two connections. */
  readonly output: Duplex;
  readonly stdin: Duplex | undefined;
}

const attach = async (withStdin: boolean, first: Buffer = Buffer.alloc(0)): Promise<Attached> => {
  const sockets = new Map<string, Duplex>();
  const { engine, lines } = await scriptedEngine({
    onUpgrade: (line, socket) => {
      const kind = line.includes('stdin=1') ? 'stdin' : 'output';
      sockets.set(kind, socket);
      // In one write, so that the first output arrives with the headers.
      socket.write(Buffer.concat([Buffer.from(UPGRADED), kind === 'output' ? first : Buffer.alloc(0)]));
    },
  });
  const attachment = await engine.containers.attach(id, { stdin: withStdin });
  const output = sockets.get('output');
  if (output === undefined) throw new Error('not attached');
  return { attachment, lines, output, stdin: sockets.get('stdin') };
};

/** The engine's end sees that ours is gone; node's server keeps its own half open. */
const closed = (socket: Duplex | undefined) =>
  new Promise((resolve) => socket?.once('end', resolve).once('close', resolve).resume());

describe('attach', () => {
  it('asks without a body and reads what arrives with the headers', async () => {
    const { attachment, lines, output } = await attach(false, frame(1, 'early'));
    expect(attachment.stdin).toBeNull();
    output.end(frame(2, 'late'));
    const { stdout, stderr } = await collect(attachment.output);
    expect([stdout.toString(), stderr.toString()]).toEqual(['early', 'late']);
    expect(lines).toEqual([`POST /containers/${id}/attach?stream=1&stdout=1&stderr=1`]);
  });

  it('takes 8,000 one-byte frames in one chunk', async () => {
    const one = frame(1, 'x');
    const { attachment, output } = await attach(false);
    output.end(Buffer.concat(Array.from({ length: 8000 }, () => one)));
    expect((await collect(attachment.output)).stdout.length).toBe(8000);
  });

  it('holds the engine back while nobody reads, and loses nothing', async () => {
    const { attachment, output } = await attach(false);
    const payload = Buffer.alloc(32 * 1024, 'y');
    const total = 16 * 1024 * 1024;
    let sent = 0;
    const send = () => {
      while (sent < total) {
        sent += payload.length;
        if (!output.write(frame(1, payload))) return;
      }
      output.end();
    };
    output.on('drain', send);
    send();
    await new Promise((resolve) => setTimeout(resolve, 200));
    // What is not read stands in two socket buffers, not in ours.
    expect(sent).toBeLessThan(4 * 1024 * 1024);
    expect((await collect(attachment.output)).stdout.length).toBe(total);
  });

  it('ends like any other end when the connection is reset between frames', async () => {
    const { attachment, output } = await attach(false, frame(1, 'x'));
    output.destroy();
    expect((await collect(attachment.output)).stdout.toString()).toBe('x');
  });

  it.each([
    ['cut', frame(1, 'abc', 10), 'truncated'],
    ['unknown', frame(9, 'abc'), 'unknown_frame'],
  ])('says so when a frame is %s', async (_how, bytes, problem) => {
    const { attachment, output } = await attach(false);
    output.end(bytes);
    await expect(collect(attachment.output)).rejects.toMatchObject({
      code: 'engine.failed',
      details: { problem },
    });
  });

  it.each([
    [404, 'engine.not_found'],
    [409, 'engine.conflict'],
    [500, 'engine.failed'],
    [200, 'engine.failed'],
  ])('status %i instead of an upgrade: %s', async (status, code) => {
    const { engine } = await scriptedEngine({
      onUpgrade: (_line, socket) => {
        socket.end(`HTTP/1.1 ${status} X\r\nContent-Length: 15\r\nConnection: close\r\n\r\n{"message":"m"}`);
      },
    });
    await expect(engine.containers.attach(id, { stdin: false })).rejects.toMatchObject({ code });
  });

  it('lets the first connection go when the second is refused', async () => {
    let gone: Promise<unknown> | undefined;
    const { engine } = await scriptedEngine({
      onUpgrade: (line, socket) => {
        if (line.includes('stdin=1')) {
          socket.end('HTTP/1.1 500 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
          return;
        }
        gone = closed(socket);
        socket.write(UPGRADED);
      },
    });
    await expect(engine.containers.attach(id, { stdin: true })).rejects.toMatchObject({
      code: 'engine.failed',
    });
    await gone;
  });
});

describe('a reset connection', () => {
  it('while the other one is still being made does not end the process', async () => {
    const sockets: Socket[] = [];
    const server = createServer((_request, response) => response.end('OK'));
    server.on('upgrade', (_request, socket: Socket) => {
      socket.on('error', () => undefined);
      sockets.push(socket);
      if (sockets.length === 1) {
        socket.write(UPGRADED);
        return;
      }
      sockets[0]?.resetAndDestroy();
      setTimeout(() => socket.write(UPGRADED), 50);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const engine = dockerEngine({ host: `tcp://127.0.0.1:${port}` });
    onTestFinished(async () => {
      await engine.close();
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const attachment = await engine.containers.attach(id, { stdin: true });
    expect((await collect(attachment.output)).stdout.length).toBe(0);
  });
});

describe('close', () => {
  it('lets go of both connections, ends the output without an error even inside a frame, and may be repeated', async () => {
    const { attachment, output, stdin } = await attach(true, frame(1, 'ab', 100));
    const both = Promise.all([closed(output), closed(stdin)]);
    const chunks: number[] = [];
    for await (const { bytes } of attachment.output) {
      chunks.push(bytes.length);
      attachment.close();
      attachment.close();
    }
    expect(chunks).toEqual([2]);
    await both;
    await expect(attachment.stdin?.write(Buffer.from('x'))).rejects.toMatchObject({ code: 'engine.failed' });
    await expect(attachment.stdin?.end()).resolves.toBeUndefined();
  });

  it('before anything was read', async () => {
    const { attachment } = await attach(false, frame(1, 'x'));
    attachment.close();
    expect((await collect(attachment.output)).stdout.length).toBe(0);
  });

  it('of standard input too follows from the end of the output', async () => {
    const { attachment, output, stdin } = await attach(true);
    const gone = closed(stdin);
    output.end();
    expect((await collect(attachment.output)).stdout.length).toBe(0);
    await gone;
  });

  it('also follows from leaving the loop', async () => {
    const { attachment, output } = await attach(false, frame(1, 'x'));
    const gone = closed(output);
    for await (const chunk of attachment.output) {
      expect(chunk.bytes.length).toBe(1);
      break;
    }
    await gone;
  });
});

describe('standard input', () => {
  it('is half-closed: output still arrives', async () => {
    const { attachment, output, stdin } = await attach(true);
    if (stdin === undefined || attachment.stdin === null) throw new Error('no standard input');
    const received: Buffer[] = [];
    stdin.on('data', (chunk: Buffer) => received.push(chunk));
    stdin.on('end', () => output.end(frame(1, Buffer.concat(received))));
    await attachment.stdin.write(Buffer.from('first byte, '));
    await attachment.stdin.write(Buffer.from('last byte'));
    await attachment.stdin.end();
    expect((await collect(attachment.output)).stdout.toString()).toBe('first byte, last byte');
  });

  it('waits for a reader that is slow', async () => {
    const { attachment, stdin } = await attach(true);
    stdin?.pause();
    let written = 0;
    const piece = Buffer.alloc(256 * 1024);
    const writing = (async () => {
      while (written < 64) {
        await attachment.stdin?.write(piece);
        written += 1;
      }
    })();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(written).toBeLessThan(64);
    stdin?.resume();
    await writing;
    expect(written).toBe(64);
  });

  it('rejects when it is no longer read, and takes no output with it', async () => {
    const { attachment, output, stdin } = await attach(true, frame(1, 'before '));
    stdin?.destroy();
    const writing = (async () => {
      for (;;) await attachment.stdin?.write(Buffer.alloc(65_536));
    })();
    await expect(writing).rejects.toMatchObject({ code: 'engine.failed' });
    output.end(frame(1, 'after'));
    expect((await collect(attachment.output)).stdout.toString()).toBe('before after');
  });
});
