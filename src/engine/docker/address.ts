/** Reading of an engine's host string. Pure: nothing is opened and no environment is read here. */
import { hasUnseen } from '../../base/engine-host.js';
import { oneLine } from '../../base/one-line.js';
import { EngineError } from '../../errors.js';

/** An engine's address, by the way it is reached. */
export type EngineAddress =
  | { readonly kind: 'socket'; readonly socketPath: string }
  | {
      readonly kind: 'tcp';
      readonly hostname: string;
      readonly port: number;
      /** Whether TLS is spoken. */
      readonly secure: boolean;
    }
  | {
      readonly kind: 'ssh';
      readonly hostname: string;
      /** Null: what ssh is configured to. */
      readonly user: string | null;
      readonly port: number | null;
      /** The socket on that machine; null: the one its docker client uses. */
      readonly socketPath: string | null;
    };

/** Where an engine is looked for when nobody says otherwise. */
export const DEFAULT_HOST = 'unix:///var/run/docker.sock';

const FORMS =
  'unix:///path/to/docker.sock, tcp://host:port, https://host:port, ssh://user@host or npipe:////./pipe/name';

/** The error of a host string, or of what comes with it, that cannot be used. */
const unsupported = (host: string, why: string, hint: string): EngineError =>
  new EngineError('engine.unsupported', `Engine host "${oneLine(host)}" is not supported: ${why}.`, { hint });

/** Never repeats what may be a password in a URL; the name of an ssh user stays. */
export const withoutCredentials = (host: string): string =>
  /^ssh:\/\/[^/:]*@/i.test(host) ? host : host.replace(/\/\/[^/]*@/, '//***@');

// The URL parser drops the default port of http, so ports are read from the text.
const portIn = (authority: string): number | null => {
  const port = /:(\d+)$/.exec(authority)?.[1];
  return port === undefined ? null : Number(port);
};

const authorityOf = (rest: string): string => rest.split(/[/?#]/, 1)[0] ?? '';

/** The port that is registered for Docker with TLS. */
const TLS_PORT = 2376;

const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

const parseUrl = (host: string, rest: string): URL => {
  if (hasUnseen(rest)) {
    const why = 'whitespace or control characters are in it';
    throw unsupported(withoutCredentials(host), why, `Allowed: ${FORMS}.`);
  }
  const url = `http://${rest}`;
  if (!URL.canParse(url))
    throw unsupported(withoutCredentials(host), 'it is not a URL', `Allowed: ${FORMS}.`);
  return new URL(url);
};

const withoutBrackets = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, '$1');

const parseTcp = (host: string, scheme: string, rest: string, withTls: boolean): EngineAddress => {
  const shown = withoutCredentials(host);
  const url = parseUrl(host, rest);
  if (url.username !== '' || url.password !== '') {
    throw unsupported(shown, 'credentials in the URL are not used by any engine', 'Remove them.');
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw unsupported(shown, 'a path, query or fragment cannot be used', `Allowed: ${scheme}://host:port.`);
  }
  if (scheme === 'http' && withTls) {
    throw unsupported(shown, 'http is without TLS, which is asked for', 'Write https:// or tcp://.');
  }
  const named = portIn(authorityOf(rest)) ?? DEFAULT_PORTS[scheme];
  const secure = scheme === 'https' || withTls || (scheme === 'tcp' && named === TLS_PORT);
  return {
    kind: 'tcp',
    hostname: withoutBrackets(url.hostname),
    port: named ?? (secure ? TLS_PORT : 2375),
    secure,
  };
};

// Neither may begin with a hyphen: both become words of a command line.
const SSH_USER = /^[A-Za-z0-9_][\w.-]*$/;
const SSH_HOST = /^[A-Za-z0-9:][\w.:%-]*$/;

/** A part of a URL as text; no program can be given one with a NUL. */
const decoded = (shown: string, part: string): string => {
  try {
    const whole = decodeURIComponent(part);
    if (!whole.includes('\0')) return whole;
  } catch {
    // Refused below, too.
  }
  throw unsupported(shown, `"${part}" cannot be decoded`, 'Write a % as %25.');
};

const parseSsh = (host: string, rest: string): EngineAddress => {
  const shown = withoutCredentials(host);
  const url = parseUrl(host, rest);
  const user = url.username === '' ? null : decoded(shown, url.username);
  const hostname = withoutBrackets(url.hostname);
  if (url.password !== '') {
    throw unsupported(shown, 'a password in the URL is not used', 'Use a key, known to ssh or its agent.');
  }
  if ((user !== null && !SSH_USER.test(user)) || !SSH_HOST.test(hostname)) {
    throw unsupported(
      shown,
      'the user or host has other characters than letters, digits, . _ -',
      `Allowed: ${FORMS}.`,
    );
  }
  if (url.search !== '' || url.hash !== '') {
    throw unsupported(
      shown,
      'a query or fragment cannot be used',
      'Allowed: ssh://user@host:port/path/to/docker.sock.',
    );
  }
  const socketPath = url.pathname === '/' || url.pathname === '' ? null : decoded(shown, url.pathname);
  return { kind: 'ssh', hostname, user, port: portIn(authorityOf(rest)), socketPath };
};

/**
 * Turns a host string into an address; `withTls` says that TLS is asked for beside it.
 * @throws `engine.unsupported` for any other scheme, naming it, and for what contradicts itself.
 */
export function parseHost(host: string, withTls = false): EngineAddress {
  const address = parse(host, withTls);
  // Never left out, and no other way to an engine speaks it.
  if (!withTls || address.kind === 'tcp') return address;
  throw unsupported(
    withoutCredentials(host),
    'TLS is asked for, which is spoken over TCP only',
    'Leave the certificates out, or give the host as tcp://host:port or https://host:port.',
  );
}

function parse(host: string, withTls: boolean): EngineAddress {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(host)?.[1]?.toLowerCase();
  const rest = host.slice((scheme?.length ?? 0) + 3);
  switch (scheme) {
    case 'unix':
      if (rest.startsWith('/')) return { kind: 'socket', socketPath: rest };
      throw unsupported(host, 'the socket path is not absolute', `Write ${DEFAULT_HOST}.`);
    case 'npipe':
      if (rest !== '') return { kind: 'socket', socketPath: rest };
      throw unsupported(host, 'the pipe has no name', `Allowed: ${FORMS}.`);
    case 'tcp':
    case 'http':
    case 'https':
      return parseTcp(host, scheme, rest, withTls);
    case 'ssh':
      return parseSsh(host, rest);
    default: {
      const why = scheme === undefined ? 'it has no scheme' : `scheme "${scheme}" is not known`;
      throw unsupported(withoutCredentials(host), why, `Allowed: ${FORMS}.`);
    }
  }
}

/** True if what listens there sees this host's folders, as far as an address can tell. */
export function isLocal(address: EngineAddress): boolean {
  if (address.kind === 'socket') return true;
  return address.kind === 'tcp' && /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(address.hostname);
}
