/** The few lines of HTTP the scripts need to talk to a Docker engine. Not the library's client. */
import { request } from 'node:http';

/** @param {string} host `unix:///path` or `tcp://host:port` */
function connectionOf(host) {
  if (host.startsWith('unix://')) return { socketPath: host.slice('unix://'.length) };
  const { hostname, port } = new URL(host.replace(/^tcp:/, 'http:'));
  return { host: hostname, port: Number(port || 2375) };
}

/**
 * One request with a deadline; resolves with the status and the whole body.
 *
 * @param {string} host
 * @param {string} method
 * @param {string} path
 * @param {{ json?: unknown, body?: Buffer, timeoutMs?: number }} [options]
 * @returns {Promise<{ status: number, text: string, json: () => any }>}
 */
export async function callEngine(host, method, path, { json, body, timeoutMs = 10_000 } = {}) {
  const payload = json === undefined ? body : Buffer.from(JSON.stringify(json));
  const type = json === undefined ? 'application/x-tar' : 'application/json';
  return new Promise((resolve, reject) => {
    const outgoing = request({
      ...connectionOf(host),
      method,
      path,
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
      headers: payload === undefined ? {} : { 'content-type': type, 'content-length': payload.length },
    });
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      /** @type {Buffer[]} */
      const chunks = [];
      incoming.on('data', (chunk) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: incoming.statusCode ?? 0, text, json: () => JSON.parse(text) });
      });
    });
    outgoing.end(payload);
  });
}
