/** The host part of image references: its grammar and the names that mean Docker Hub. It resolves nothing. */
import type { Parsed } from './parsed.js';

/** The host every spelling of Docker Hub is normalised to. */
export const DOCKER_HUB_HOST = 'docker.io';

/** Every host name that reaches Docker Hub, the normal one first. */
export const DOCKER_HUB_HOSTS: readonly string[] = [
  DOCKER_HUB_HOST,
  'index.docker.io',
  'registry-1.docker.io',
  'registry.hub.docker.com',
];

const DEFAULT_PORT_SUFFIX = ':443';
const LABEL = /^[a-z0-9-]+$/;
// No leading zeros: `:0443` would be a second spelling of `:443`.
const PORT = /^[1-9][0-9]{0,4}$/;

/** True when the text before the first `/` of a reference names a host, by the rule of the distribution project. */
export function looksLikeHost(text: string): boolean {
  return /[.:[]/.test(text) || text.toLowerCase() === 'localhost';
}

/** Gives `docker.io` for every spelling of Docker Hub (also with port 443), and any other host unchanged. */
export function normalizeHost(host: string): string {
  return DOCKER_HUB_HOSTS.includes(withoutDefaultPort(host)) ? DOCKER_HUB_HOST : host;
}

/** Both spellings of a host at the default port, which a registry has without saying so; any other host alone. */
export function hostSpellings(host: string): readonly string[] {
  const bare = withoutDefaultPort(host);
  return /:\d+$/.test(bare) ? [bare] : [bare, bare + DEFAULT_PORT_SUFFIX];
}

function withoutDefaultPort(host: string): string {
  return host.endsWith(DEFAULT_PORT_SUFFIX) ? host.slice(0, -DEFAULT_PORT_SUFFIX.length) : host;
}

function isDomainName(text: string): boolean {
  return text
    .split('.')
    .every((label) => LABEL.test(label) && !label.startsWith('-') && !label.endsWith('-'));
}

function isCanonicalIpv6(text: string): boolean {
  // One spelling only: a denied address must not come back as `[0:0:0:0:0:0:0:1]`.
  return URL.canParse(`http://${text}/`) && new URL(`http://${text}/`).hostname === text;
}

/** Checks a host with an optional port and gives its normal form. Upper case and a trailing dot are refused. */
export function parseHost(text: string): Parsed<string> {
  if (/[A-Z]/.test(text)) return { ok: false, problem: 'the registry host must be lower-case' };
  if (text.endsWith('.') || text.includes('.:')) {
    return { ok: false, problem: 'the registry host must not end with a dot' };
  }
  const nameEnd = text.startsWith('[') ? text.indexOf(']') + 1 : text.indexOf(':');
  const name = nameEnd > 0 ? text.slice(0, nameEnd) : text;
  const port = text.slice(name.length);
  if (!(name.startsWith('[') ? isCanonicalIpv6(name) : isDomainName(name))) {
    return {
      ok: false,
      problem: 'the registry host must be a DNS name or an address, such as registry.example:5000',
    };
  }
  if (port !== '' && !(port.startsWith(':') && PORT.test(port.slice(1)) && Number(port.slice(1)) <= 65_535)) {
    return { ok: false, problem: 'the registry port must be a number from 1 to 65535' };
  }
  return { ok: true, value: normalizeHost(text) };
}
