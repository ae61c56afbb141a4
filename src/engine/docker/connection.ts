/** How connections to one engine are made: by socket, TCP, TLS or ssh. Makes none by itself. */
import type { Agent, ClientRequest, RequestOptions } from 'node:http';
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
  const { address, tls, ssh } = reach;
  if (isSecure(reach)) {
    return new (https().Agent)({
      keepAlive: false,
      ca: tls?.ca,
      cert: tls?.cert,
      key: tls?.key,
      servername: tls?.serverName,
      rejectUnauthorized: true,
    });
  }
  const agent = new (http().Agent)({ keepAlive: false });
  if (address.kind === 'ssh') agent.createConnection = () => connectBySsh(address, ssh ?? {});
  return agent;
}

/** Begins a request to the engine. */
export function beginRequest(reach: Reach, options: RequestOptions): ClientRequest {
  const all = { ...destinationOf(reach), ...options };
  return isSecure(reach) ? https().request(all) : http().request(all);
}
