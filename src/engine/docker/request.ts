/** One request to an engine that dockerode does not make, from its head to the head of its answer. It opens no connection that is not its line's. */
import type { Agent, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { beginRequest, type Reach } from './connection.js';
import { ConnectionLost, StatusFailure } from './errors.js';
import { toObject, toText } from './json-fields.js';
import { createLineAgent, type Line } from './line.js';
import { net } from './node-modules.js';

const KEEP_ALIVE_MS = 30_000;
const MAX_FAILURE_BYTES = 64 * 1024;

/** Reads an answer as far as it is worth reading. */
export const readText = async (response: IncomingMessage): Promise<string> => {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Uint8Array>) {
    parts.push(part);
    size += part.length;
    if (size > MAX_FAILURE_BYTES) break;
  }
  return Buffer.concat(parts).toString('utf8');
};

/** Reads an answer that is a failure. */
export const readFailure = async (response: IncomingMessage): Promise<StatusFailure> => {
  const text = await readText(response);
  let message = text;
  try {
    message = toText(toObject(JSON.parse(text))['message']) || text;
  } catch {
    // Not JSON: the text itself is the message.
  }
  return new StatusFailure(response.statusCode ?? 0, message);
};

/** What is sent. */
export interface SentRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Default: one with a connection of its own. */
  readonly agent?: Agent | undefined;
}

/** Sends a request without a body: with one, some engines hand it to the container's standard input (dockerode#742). */
export const send = (
  reach: Reach,
  line: Line,
  { method, path, headers, agent = createLineAgent(line, reach) }: SentRequest,
): Promise<{ readonly response: IncomingMessage } | { readonly socket: Duplex }> =>
  new Promise((resolve, reject) => {
    let isAnswered = false;
    const outgoing = beginRequest(reach, {
      method,
      path,
      headers: method === 'POST' ? { 'Content-Length': '0', ...headers } : headers,
      agent,
    });
    line.onCut(() => outgoing.destroy());
    outgoing.on('error', reject);
    // For the sake of TCP: a peer that died without a word is noticed in the end.
    outgoing.once('socket', (socket) => {
      // The streams of ssh, which looks after that itself, are no socket.
      if (socket instanceof net().Socket) socket.setKeepAlive(true, KEEP_ALIVE_MS);
    });
    outgoing.once('close', () => {
      // An error that nobody waits for costs its stack all the same.
      if (!isAnswered) reject(new ConnectionLost());
    });
    outgoing.once('response', (response) => {
      isAnswered = true;
      resolve({ response });
    });
    outgoing.once('upgrade', (_response, socket, head) => {
      isAnswered = true;
      // Without a listener, an error that comes while nobody reads would end the process.
      socket.on('error', () => undefined);
      line.onCut(() => socket.destroy());
      if (head.length > 0) socket.unshift(head);
      resolve({ socket });
    });
    outgoing.end();
  });
