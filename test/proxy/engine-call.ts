/** One HTTP call as it is read from a connection: its head, and its body if it announces one. */
import type { Socket } from 'node:net';

/** A call to an engine. */
export interface EngineCall {
  readonly method: string;
  /** Without query and without the version of the API. */
  readonly path: string;
  /** Path and query as sent. */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

const HEAD_END = '\r\n\r\n';
const MAX_HEAD_BYTES = 1024 * 1024;

/** Reads a call; null when the connection ends before it is complete. What comes after the call stays in the socket. */
export async function readCall(socket: Socket): Promise<EngineCall | null> {
  let bytes = Buffer.alloc(0);
  const more = async (): Promise<boolean> => {
    const chunk = await nextChunk(socket);
    if (chunk !== null) bytes = Buffer.concat([bytes, chunk]);
    return chunk !== null;
  };
  while (!bytes.includes(HEAD_END)) {
    if (bytes.length > MAX_HEAD_BYTES || !(await more())) return null;
  }
  const headEnd = bytes.indexOf(HEAD_END);
  const [first = '', ...lines] = bytes.subarray(0, headEnd).toString('latin1').split('\r\n');
  const [method = '', target = ''] = first.split(' ');
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()] as const;
  });
  const start = headEnd + HEAD_END.length;
  const body = async (): Promise<{ readonly content: Buffer; readonly end: number } | null> => {
    if (/chunked/i.test(headerOf(headers, 'transfer-encoding') ?? ''))
      return dechunk(() => bytes, start, more);
    const end = start + Number(headerOf(headers, 'content-length') ?? 0);
    while (bytes.length < end) if (!(await more())) return null;
    return { content: bytes.subarray(start, end), end };
  };
  const read = await body();
  if (read === null) return null;
  if (bytes.length > read.end) socket.unshift(bytes.subarray(read.end));
  const path = (target.split('?')[0] ?? '').replace(/^\/v\d+\.\d+/, '');
  return { method, path, target, headers, body: read.content };
}

/** The call as bytes, its length announced anew; the last of its connection, unless it turns that into a raw one. */
export function toBytes({ method, target, headers, body }: EngineCall): Buffer {
  const isUpgrade = headerOf(headers, 'upgrade') !== undefined;
  const replaced = isUpgrade
    ? /^(content-length|transfer-encoding)$/i
    : /^(content-length|transfer-encoding|connection)$/i;
  const kept = headers.filter(([name]) => !replaced.test(name));
  const announced = body.length > 0 || headerOf(headers, 'content-length') !== undefined;
  const last = isUpgrade ? [] : [['Connection', 'close'] as const];
  const lines = [...kept, ...last, ...(announced ? [['Content-Length', String(body.length)] as const] : [])];
  const head = [`${method} ${target} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`)];
  return Buffer.concat([Buffer.from(head.join('\r\n') + HEAD_END, 'latin1'), body]);
}

function headerOf(headers: EngineCall['headers'], wanted: string): string | undefined {
  return headers.find(([name]) => name.toLowerCase() === wanted)?.[1];
}

async function dechunk(
  bytes: () => Buffer,
  from: number,
  more: () => Promise<boolean>,
): Promise<{ readonly content: Buffer; readonly end: number } | null> {
  const parts: Buffer[] = [];
  let position = from;
  for (;;) {
    let lineEnd = bytes().indexOf('\r\n', position);
    while (lineEnd === -1) {
      if (!(await more())) return null;
      lineEnd = bytes().indexOf('\r\n', position);
    }
    const size = parseInt(bytes().subarray(position, lineEnd).toString('latin1'), 16);
    const end = lineEnd + 2 + size + 2;
    while (bytes().length < end) if (!(await more())) return null;
    if (size === 0) return { content: Buffer.concat(parts), end };
    parts.push(bytes().subarray(lineEnd + 2, lineEnd + 2 + size));
    position = end;
  }
}

async function nextChunk(socket: Socket): Promise<Buffer | null> {
  const ready = socket.read() as Buffer | null;
  if (ready !== null) return ready;
  if (socket.readableEnded || socket.destroyed) return null;
  return new Promise((resolve) => {
    const settle = (): void => {
      socket.off('readable', settle).off('end', settle).off('close', settle);
      resolve(socket.read() as Buffer | null);
    };
    socket.on('readable', settle).on('end', settle).on('close', settle);
  });
}
