/** Where the engine listens: reading a host string and `DOCKER_HOST`. Pure: nothing is opened and no environment is read here. */
import { EngineError } from '../../errors.js';

/** Where an engine was found to be configured. */
export interface EngineEndpoint {
  /** `unix:///path` or `tcp://host:port`. */
  readonly host: string;
  /** Who said so: `DOCKER_HOST` or `default`. */
  readonly from: string;
}

/** An engine's address in the terms of `node:net`. */
export type EngineAddress =
  { readonly socketPath: string } | { readonly hostname: string; readonly port: number };

/** Where an engine is looked for when nobody says otherwise. */
export const DEFAULT_HOST = 'unix:///var/run/docker.sock';

const FORMS = 'unix:///path/to/docker.sock, tcp://host:port or npipe:////./pipe/name';

const unsupported = (host: string, why: string, hint: string): EngineError =>
  new EngineError('engine.unsupported', `Engine host "${host}" is not supported: ${why}.`, { hint });

/** Never repeats what may be a password in a URL. */
const withoutCredentials = (host: string): string => host.replace(/\/\/[^/]*@/, '//***@');

const parseTcp = (host: string): EngineAddress => {
  const shown = withoutCredentials(host);
  const url = URL.canParse(host.replace(/^tcp:/, 'http:')) ? new URL(host.replace(/^tcp:/, 'http:')) : null;
  if (url === null) throw unsupported(shown, 'it is not a URL', `Allowed: ${FORMS}.`);
  if (url.username !== '' || url.password !== '') {
    throw unsupported(shown, 'credentials in the URL are not used by any engine', 'Remove them.');
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw unsupported(shown, 'a path, query or fragment cannot be used', 'Allowed: tcp://host:port.');
  }
  // The URL parser drops the default port of http, so 80 has to be read from the text.
  const port = url.port === '' ? (/:80\/?$/.test(host) ? 80 : 2375) : Number(url.port);
  return { hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'), port };
};

/**
 * Turns a host string into an address.
 * @throws `engine.unsupported` for any other scheme, naming it.
 */
export function parseHost(host: string): EngineAddress {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(host)?.[1]?.toLowerCase();
  const rest = host.slice((scheme?.length ?? 0) + 3);
  if (scheme === 'unix') {
    if (!rest.startsWith('/')) {
      throw unsupported(host, 'the socket path is not absolute', 'Write unix:///var/run/docker.sock.');
    }
    return { socketPath: rest };
  }
  if (scheme === 'npipe') {
    if (rest === '') throw unsupported(host, 'the pipe has no name', `Allowed: ${FORMS}.`);
    return { socketPath: rest };
  }
  if (scheme === 'tcp') return parseTcp(host);
  const why = scheme === undefined ? 'it has no scheme' : `scheme "${scheme}" is not known`;
  throw unsupported(withoutCredentials(host), why, `Allowed: ${FORMS}.`);
}

/**
 * Finds the engine as Docker's own client does: `DOCKER_HOST`, else the usual socket.
 * Contexts and TLS are not read; an environment that asks for TLS is refused rather than served without it.
 * @throws `engine.unsupported` for a `DOCKER_HOST` that is neither `unix` nor `tcp`, or that asks for TLS.
 */
export function resolveEndpoint(env: Readonly<Record<string, string | undefined>>): EngineEndpoint {
  const host = env['DOCKER_HOST']?.trim() ?? '';
  if (host === '') return { host: DEFAULT_HOST, from: 'default' };
  const shown = `DOCKER_HOST=${withoutCredentials(host)}`;
  if (!/^(unix|tcp):\/\//i.test(host)) {
    throw unsupported(shown, 'only unix:// and tcp:// are read', 'Pass an engine of your own, or a host.');
  }
  const address = parseHost(host);
  if ('port' in address && (env['DOCKER_TLS_VERIFY'] ?? '') !== '') {
    throw unsupported(shown, 'DOCKER_TLS_VERIFY asks for TLS', 'Use a unix socket, or an SSH tunnel to one.');
  }
  return { host, from: 'DOCKER_HOST' };
}

/** True if what listens there sees this host's folders, as far as an address can tell. */
export function isLocal(address: EngineAddress): boolean {
  if ('socketPath' in address) return true;
  return /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(address.hostname);
}
