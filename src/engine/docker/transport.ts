/** Connections to one engine: one per call but for calls that may be made twice, ours to watch and to cut. Knows no endpoint of the API and no meaning of an answer. */
import type { Agent, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { lazy } from '../../base/lazy.js';
import { EngineError } from '../../errors.js';
import type { CallOptions } from '../types.js';
import { type Dialect, dialectOf, negotiateVersion } from './api-version.js';
import { type DockerClient, type DockerClients, setUpDockerode } from './client.js';
import type { Reach } from './connection.js';
import { ConnectionLost, noEngine, StatusFailure } from './errors.js';
import { toText } from './json-fields.js';
import { createKeptConnections } from './kept-connections.js';
import { createLine, createLineAgent, type Line } from './line.js';
import { readFailure, readText, send, type SentRequest } from './request.js';

/** One engine's connections. Failures are raw: the caller makes typed errors of them. */
export interface Transport {
  /**
   * Makes one call through dockerode, then lets `consume` read the result while the connection is still open.
   * Rejects with the signal's reason, or when the connection ends before the call is answered.
   */
  call<A>(options: CallOptions | undefined, use: (docker: DockerClient) => Promise<A>): Promise<A>;
  call<A, B>(
    options: CallOptions | undefined,
    use: (docker: DockerClient) => Promise<A>,
    consume: (value: A) => Promise<B>,
  ): Promise<B>;
  /**
   * Makes a call that may be made twice, over a connection that another of them left, where there is one: if that turns out to be closed, over a
   * new one.
   */
  repeatable<A>(options: CallOptions | undefined, use: (docker: DockerClient) => Promise<A>): Promise<A>;
  /** Makes a POST without a body that may be made twice, as `repeatable` does, and reads its answer, from the headers on, until `read` settles. */
  post<T>(
    options: CallOptions | undefined,
    path: string,
    read: (response: IncomingMessage) => Promise<T>,
  ): Promise<T>;
  /** Makes a GET whose answer outlives the call; it is the caller's to destroy. */
  open(options: CallOptions | undefined, path: string): Promise<IncomingMessage>;
  /** The headers of the answer to a HEAD. */
  head(options: CallOptions | undefined, path: string): Promise<IncomingHttpHeaders>;
  /** Makes a POST without a body that turns its connection into a raw one, which is the caller's to destroy. */
  upgrade(options: CallOptions | undefined, path: string): Promise<Duplex>;
  /** Whose API it is. Asks the engine once. */
  dialect(options: CallOptions | undefined): Promise<Dialect>;
  /** Cuts every connection; every call under way and every later one rejects. */
  close(): void;
}

/** Of a ping: no engine redirects it, asks who is there, or does not know it. */
const isNoEngine = (status: number): boolean =>
  (status >= 300 && status < 400) || [401, 403, 404, 405].includes(status);

/** How an engine is spoken to. */
interface Spoken {
  /** Stands before every path; undefined: nothing does. */
  readonly prefix: string | undefined;
  readonly dialect: Dialect;
  /** dockerode, for that. */
  readonly clients: () => Promise<DockerClients>;
}

/** Makes the connections to one engine, which is called `host` in messages; opens none yet. */
export function createTransport(reach: Reach, host: string): Transport {
  const open = new Set<() => void>();
  const kept = createKeptConnections(reach);
  let closed = false;

  const closedError = () =>
    new EngineError('engine.unreachable', 'The engine object was closed; it makes no connections any more.');

  async function withLine<T>(
    options: CallOptions | undefined,
    work: (line: Line) => Promise<T>,
    keep = false,
  ): Promise<T> {
    const signal = options?.signal;
    signal?.throwIfAborted();
    if (closed) throw closedError();
    const line = createLine();
    signal?.addEventListener('abort', line.cut, { once: true });
    open.add(line.cut);
    try {
      const value = await Promise.race([line.cutOff, work(line)]);
      // An abort that came last still counts: the caller is told the call did not happen.
      signal?.throwIfAborted();
      if (!keep) line.end();
      return value;
    } catch (cause) {
      line.cut();
      signal?.throwIfAborted();
      if (isClosed()) throw closedError();
      version = null;
      throw cause;
    } finally {
      signal?.removeEventListener('abort', line.cut);
      open.delete(line.cut);
    }
  }

  // A function, because it changes while a call is awaited.
  const isClosed = (): boolean => closed;

  async function call<A, B>(
    options: CallOptions | undefined,
    use: (docker: DockerClient) => Promise<A>,
    consume?: (value: A) => Promise<B>,
  ): Promise<A | B> {
    const { clients } = await spokenFor(options);
    return withLine(options, async (line) => {
      const docker = (await clients())(createLineAgent(line, reach));
      const value = await Promise.race([line.lost, use(docker)]);
      return consume === undefined ? value : consume(value);
    });
  }

  /** For what may be done twice: over a connection that was left, where there is one, and over a new one if that turns out to be closed. */
  async function overKept<T>(
    options: CallOptions | undefined,
    work: (line: Line, agent: Agent) => Promise<T>,
  ): Promise<T> {
    const overNew = async (): Promise<T> =>
      withLine(options, async (line) => work(line, createLineAgent(line, reach)));
    if (kept === null) return overNew();
    let wasStale = (): boolean => false;
    try {
      return await withLine(options, async (line) => {
        const borrowed = kept.agentFor(line);
        wasStale = borrowed.wasStale;
        return work(line, borrowed.agent);
      });
    } catch (cause) {
      if (!wasStale() || isClosed() || options?.signal?.aborted === true) throw cause;
      return overNew();
    }
  }

  async function repeatable<A>(
    options: CallOptions | undefined,
    use: (docker: DockerClient) => Promise<A>,
  ): Promise<A> {
    const { clients } = await spokenFor(options);
    return overKept(options, async (line, agent) => Promise.race([line.lost, use((await clients())(agent))]));
  }

  /** Keeps a connection that outlives its call among those that `close` cuts. */
  const keep = <T extends IncomingMessage | Duplex>(stream: T): T => {
    const cut = () => stream.destroy();
    open.add(cut);
    stream.once('close', () => open.delete(cut));
    // Nobody may be reading when it fails.
    stream.on('error', () => undefined);
    return stream;
  };

  /** Headers of the first answer, which is looked at twice: anything may listen at an address. */
  const ping = async (line: Line): Promise<IncomingHttpHeaders> => {
    try {
      const response = await ask(line, 'GET', '/_ping');
      const isKnown = response.headers['api-version'] !== undefined;
      if (!isKnown && (await readText(response)).trim() !== 'OK') {
        throw noEngine(host, 'it answers a ping with something else');
      }
      return response.headers;
    } catch (cause) {
      if (!(cause instanceof StatusFailure) || !isNoEngine(cause.statusCode)) throw cause;
      throw noEngine(host, `it answers a ping with status ${String(cause.statusCode)}`, cause);
    }
  };

  // Asked for again after any failure: the engine may have been exchanged meanwhile.
  let version: Spoken | null = null;
  const spokenFor = async (options: CallOptions | undefined): Promise<Spoken> => {
    version ??= await withLine(options, async (line) => {
      const headers = await ping(line);
      const prefix = negotiateVersion(toText(headers['api-version']), host);
      return {
        prefix,
        dialect: dialectOf(headers),
        clients: lazy(async () => setUpDockerode(reach, prefix)),
      };
    });
    return version;
  };

  const versioned = async (options: CallOptions | undefined, path: string): Promise<string> => {
    const { prefix } = await spokenFor(options);
    return prefix === undefined ? path : `/${prefix}${path}`;
  };

  const ask = async (
    line: Line,
    method: SentRequest['method'],
    path: string,
    agent?: Agent,
  ): Promise<IncomingMessage> => {
    const answer = await send(reach, line, { method, path, headers: {}, agent });
    if ('socket' in answer) throw new ConnectionLost('the engine upgraded a connection unasked');
    if ((answer.response.statusCode ?? 0) >= 300) throw await readFailure(answer.response);
    return answer.response;
  };

  return {
    call,
    repeatable,
    async post(options, path, read) {
      const target = await versioned(options, path);
      return overKept(options, async (line, agent) => read(await ask(line, 'POST', target, agent)));
    },
    async open(options, path) {
      const target = await versioned(options, path);
      return withLine(options, async (line) => keep(await ask(line, 'GET', target)), true);
    },
    async head(options, path) {
      const target = await versioned(options, path);
      return withLine(options, async (line) => (await ask(line, 'HEAD', target)).headers);
    },
    async upgrade(options, path) {
      const target = await versioned(options, path);
      return withLine(
        options,
        async (line) => {
          const headers = { Connection: 'Upgrade', Upgrade: 'tcp' };
          const answer = await send(reach, line, { method: 'POST', path: target, headers });
          if ('response' in answer) throw await readFailure(answer.response);
          return keep(answer.socket);
        },
        true,
      );
    },
    dialect: async (options) => (await spokenFor(options)).dialect,
    close() {
      closed = true;
      kept?.close();
      for (const cut of [...open]) cut();
    },
  };
}
