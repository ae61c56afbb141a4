/** How connections to one engine are made: by socket, TCP, TLS or ssh. Makes none by itself. */
import type { Agent, AgentOptions, ClientRequest, RequestOptions } from 'node:http';
import type { EngineAddress } from './address.js';
import { http, https } from './node-modules.js';
import { connectBySsh, type SshOptions } from './ssh-connection.js';
import type { EngineTls } from './tls.js';

/** One engine's address with what is needed to connect to it. */
export interface Reach {
  readonly address: EngineAddress;
  readonly tls: EngineTls | null;
  readonly ssh: SshOptions | null;
}

/** Where a request goes, in the words of `node:http`; by ssh, the agent alone decides. */
export type Destination =
  { readonly socketPath: string } | { readonly host: string; readonly port: number | undefined };

/** The destination of every request. */
export function destinationOf({ address }: Reach): Destination {
  switch (address.kind) {
    case 'socket':
      return { socketPath: address.socketPath };
    case 'tcp':
      return { host: address.hostname, port: address.port };
    case 'ssh':
      return { host: address.hostname, port: undefined };
  }
}

/** Whether requests are of `https`. */
export function isSecure({ address }: Reach): boolean {
  return address.kind === 'tcp' && address.secure;
}

/** An agent that makes a new connection for each request. */
export function createAgent(reach: Reach): Agent {
  const { address, ssh } = reach;
  const agent = agentWith(reach, { keepAlive: false });
  if (address.kind === 'ssh') agent.createConnection = () => connectBySsh(address, ssh ?? {});
  return agent;
}

/** Engines, and what stands before them, close a connection that nobody uses later than this. */
const KEPT_MS = 1_000;

/** An agent that keeps each connection for a moment, for the next request; null by ssh, where a connection is a process on the other side. */
export function createKeepingAgent(reach: Reach): Agent | null {
  if (reach.address.kind === 'ssh') return null;
  // The time is only of those that nobody uses. The last one that was used first: the others may end.
  return agentWith(reach, { keepAlive: true, timeout: KEPT_MS, scheduling: 'lifo' });
}

function agentWith(reach: Reach, options: AgentOptions): Agent {
  if (!isSecure(reach)) return new (http().Agent)(options);
  const { tls } = reach;
  return new (https().Agent)({
    ...options,
    ca: tls?.ca,
    cert: tls?.cert,
    key: tls?.key,
    servername: tls?.serverName,
    rejectUnauthorized: true,
  });
}

/** Begins a request to the engine. */
export function beginRequest(reach: Reach, options: RequestOptions): ClientRequest {
  const all = { ...destinationOf(reach), ...options };
  return isSecure(reach) ? https().request(all) : http().request(all);
}
