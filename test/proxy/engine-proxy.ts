/** A socket in front of an engine's that sees every call, may rewrite it and may spoil it. It knows HTTP as far as one call goes, and no engine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EngineCall, readCall, toBytes } from './engine-call.js';
import { type Fault, relay } from './faults.js';

/** What a proxy does to the calls it sees. */
export interface EngineProxyOptions {
  /** `unix:///path` of the engine, or what connects to it and stays open in one direction when the other ends. */
  readonly engine: string | (() => Socket);
  /** What happens to a call; null: nothing. */
  readonly spoil?: ((call: EngineCall) => Fault | null) | undefined;
  /** What is sent instead of a call. */
  readonly rewrite?: ((call: EngineCall) => EngineCall) | undefined;
}

/** A proxy that listens. */
export interface EngineProxy {
  readonly host: string;
  /** Every call so far, in order, as it came from the client. */
  readonly calls: readonly EngineCall[];
  /** Cuts every connection and removes the socket. */
  close(): Promise<void>;
}

/** Starts a proxy on a socket of its own. One connection carries one call, which asks the engine to end it; what follows the call passes through. */
export async function startEngineProxy(options: EngineProxyOptions): Promise<EngineProxy> {
  const folder = mkdtempSync(join(tmpdir(), 'engine-proxy-'));
  const socketPath = join(folder, 'engine.sock');
  const { engine } = options;
  const connectToEngine =
    typeof engine === 'function'
      ? engine
      : (): Socket => createConnection({ path: engine.replace(/^unix:\/\//, ''), allowHalfOpen: true });
  const calls: EngineCall[] = [];
  const open = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    // A cut connection is what this is for.
    socket.on('error', () => socket.destroy());
    return socket;
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    keep(client);
    void readCall(client).then(
      (call) => {
        if (call === null) return client.destroy();
        calls.push(call);
        const connect = (): Socket => keep(connectToEngine());
        relay(client, connect, toBytes(options.rewrite?.(call) ?? call), options.spoil?.(call) ?? null);
        return undefined;
      },
      () => client.destroy(),
    );
  });
  await listen(server, socketPath);
  return {
    host: `unix://${socketPath}`,
    calls,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}
