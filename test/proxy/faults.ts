/** What can go wrong between a client and an engine, and how it is made to. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';

/** A way to spoil one call. */
export type Fault =
  /** The connection is cut and the engine hears nothing. */
  | { readonly kind: 'cut_before' }
  /** The engine does what was asked; the connection is cut when it answers. */
  | { readonly kind: 'cut_after' }
  /** The engine does what was asked; its answer never comes, and the connection stays open. */
  | { readonly kind: 'no_answer' }
  /** The answer's head and what follows it for a moment come; then nothing more, and the connection stays open. */
  | { readonly kind: 'falls_silent'; readonly afterMs: number }
  /** The answer's head comes, and then a clean end. */
  | { readonly kind: 'half_close' }
  | { readonly kind: 'delay'; readonly milliseconds: number }
  /** The answer comes byte by byte. */
  | { readonly kind: 'one_byte' }
  /** Instead of an answer: bytes that are no HTTP. */
  | { readonly kind: 'garbage' }
  /** The engine hears nothing; this status comes in its name. */
  | { readonly kind: 'status'; readonly status: 404 | 409 | 431 | 500 }
  /** The engine hears nothing; a success comes whose stream holds an error. */
  | { readonly kind: 'error_in_stream' };

/** Bytes that are sent one by one; what follows comes as it is, or long output would take for ever. */
const SINGLE_BYTES = 2048;

/** Carries one call that was read to the engine, and its answer back, as well as the fault lets it. */
export function relay(client: Socket, connect: () => Socket, call: Buffer, fault: Fault | null): void {
  switch (fault?.kind) {
    case 'cut_before':
      client.destroy();
      return;
    case 'garbage':
      client.end(randomBytes(64));
      return;
    case 'status':
      client.end(answer(fault.status, JSON.stringify({ message: 'made up by a test' })));
      return;
    case 'error_in_stream': {
      const lines = [{ status: 'begun' }, { errorDetail: { message: 'made up' }, error: 'made up' }];
      client.end(answer(200, lines.map((line) => `${JSON.stringify(line)}\r\n`).join('')));
      return;
    }
    case 'delay': {
      const timer = setTimeout(() => {
        forward(client, connect(), call, null);
      }, fault.milliseconds);
      client.on('close', () => clearTimeout(timer));
      return;
    }
    default:
      forward(client, connect(), call, fault);
  }
}

function forward(client: Socket, engine: Socket, call: Buffer, fault: Fault | null): void {
  engine.write(call);
  client.on('data', (chunk) => engine.write(chunk));
  client.on('end', () => engine.end());
  client.on('close', () => engine.destroy());
  engine.on('close', () => client.end());
  switch (fault?.kind) {
    case 'cut_after':
      engine.once('data', () => client.destroy());
      return;
    case 'no_answer':
      engine.resume();
      engine.removeAllListeners('close');
      return;
    case 'falls_silent': {
      let isSilent = false;
      const timer = setTimeout(() => (isSilent = true), fault.afterMs);
      client.on('close', () => clearTimeout(timer));
      engine.removeAllListeners('close');
      engine.on('data', (chunk) => isSilent || client.write(chunk));
      return;
    }
    case 'half_close':
      engine.once('data', (chunk: Buffer) => {
        const end = chunk.indexOf('\r\n\r\n');
        client.end(end === -1 ? chunk : chunk.subarray(0, end + 4));
        engine.destroy();
      });
      return;
    case 'one_byte':
      trickle(client, engine);
      return;
    default:
      engine.on('data', (chunk) => {
        if (!client.write(chunk)) engine.pause();
      });
      client.on('drain', () => engine.resume());
      engine.on('end', () => client.end());
  }
}

function trickle(client: Socket, engine: Socket): void {
  let left = SINGLE_BYTES;
  client.setNoDelay(true);
  const send = async (): Promise<void> => {
    for await (const chunk of engine as AsyncIterable<Buffer>) {
      const single = Math.min(left, chunk.length);
      for (let index = 0; index < single; index += 1) {
        client.write(chunk.subarray(index, index + 1));
        // Each byte has to be a read of its own at the other end.
        await new Promise((resolve) => setImmediate(resolve));
      }
      left -= single;
      if (single < chunk.length && !client.write(chunk.subarray(single))) {
        await new Promise((resolve) => client.once('drain', resolve));
      }
    }
    client.end();
  };
  send().catch(() => client.destroy());
}

function answer(status: number, body: string): string {
  const head = [
    `HTTP/1.1 ${String(status)} Made Up`,
    'Content-Type: application/json',
    `Content-Length: ${String(Buffer.byteLength(body))}`,
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
