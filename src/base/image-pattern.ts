/** Image patterns of a policy's allow and deny lists. It decides about one pattern, not about a whole policy. */
import {
  DOCKER_HUB_HOST,
  DOCKER_HUB_HOSTS,
  hostSpellings,
  looksLikeHost,
  normalizeHost,
} from './image-host.js';
import {
  imageNames,
  imageReferenceForms,
  imageVersions,
  parseImageReference,
  type ImageReference,
} from './image-reference.js';
import { hasWildcard, matchesWildcard } from './wildcard.js';

/** Which list a pattern stands in; the two read a missing tag differently. */
export type ImagePatternList = 'allow' | 'deny';

/** A checked pattern, ready to be matched. */
export interface ImagePattern {
  /** The pattern as the operator wrote it. */
  readonly text: string;
  readonly list: ImagePatternList;
  /** Wildcard patterns, one of which must cover a form of the reference. */
  readonly alternatives: readonly string[];
  /** True when only images of Docker Hub may match. */
  readonly dockerHubOnly: boolean;
  /** True when the part before the first `/` must cover the host and nothing but the host. */
  readonly hostApart: boolean;
}

/** A pattern, or what is wrong with it. The problem never repeats the text: it may hold a password. */
export type ImagePatternResult =
  { readonly ok: true; readonly pattern: ImagePattern } | { readonly ok: false; readonly problem: string };

const MAX_PATTERN_LENGTH = 1024;

const refuse = (problem: string): { readonly ok: false; readonly problem: string } => ({
  ok: false,
  problem,
});

const namesVersion = (text: string): boolean =>
  text.includes('@') || text.lastIndexOf(':') > text.lastIndexOf('/');

/** Cuts a pattern after its host part, which is empty where the text before the first `/` cannot be a host. */
function splitHost(text: string): { readonly host: string; readonly rest: string } {
  const first = text.slice(0, Math.max(text.indexOf('/'), 0));
  const host = looksLikeHost(first) || hasWildcard(first) ? first : '';
  return { host, rest: text.slice(host.length) };
}

/** Lower-cases the host part and gives a literal host its normal form. */
function withNormalHost(text: string): string {
  const { host, rest } = splitHost(text);
  return normalizeHost(host.toLowerCase()) + rest;
}

function literalPattern(text: string, list: ImagePatternList): ImagePatternResult {
  const normal = withNormalHost(text);
  const parsed = parseImageReference(normal);
  if (!parsed.ok) return parsed;
  const { host, path, canonical } = parsed.reference;
  const coversEveryVersion = list === 'deny' && !namesVersion(normal);
  const alternatives = [coversEveryVersion ? `${host}/${path}` : canonical];
  return { ok: true, pattern: { text, list, alternatives, dockerHubOnly: false, hostApart: false } };
}

function problemWithWildcards(text: string): string | null {
  if (!/^[A-Za-z0-9._\-/:@[\]*?]*$/.test(text)) {
    return 'must hold only ASCII letters, digits, . _ - / : @ and the wildcards * and ?';
  }
  if (text.includes('//') || text.startsWith('/') || text.endsWith('/')) {
    return 'must not start or end with / or hold //: no image name does';
  }
  const at = text.indexOf('@');
  if (at >= 0 && /[@/]/.test(text.slice(at + 1))) return 'after @ only a digest may stand; no credentials';
  const { rest } = splitHost(text);
  const literalEnd = rest.search(/[*?:@]/);
  if (/[A-Z]/.test(literalEnd < 0 ? rest : rest.slice(0, literalEnd))) {
    return 'the repository name must be lower-case: no image name matches otherwise';
  }
  return null;
}

/**
 * Checks and prepares a pattern. `*` is any run of characters (also `/` and `:`), `?` exactly one.
 *
 * - Deny: a pattern that names no tag or digest covers every one of them.
 * - Allow: a pattern that names no tag means `:latest`, unless a wildcard takes the tag. Literal text before the
 *   first wildcard that holds no `/` keeps the pattern on Docker Hub, and is refused where it looks like a host:
 *   `reg.example*` would also cover `reg.example.attacker.net`.
 */
export function parseImagePattern(text: string, list: ImagePatternList): ImagePatternResult {
  if (text.trim() === '') return refuse('must not be empty');
  if (text.length > MAX_PATTERN_LENGTH) {
    return refuse(`must not be longer than ${String(MAX_PATTERN_LENGTH)} characters`);
  }
  if (!hasWildcard(text)) return literalPattern(text, list);
  const problem = problemWithWildcards(text);
  if (problem !== null) return refuse(problem);

  const beforeWildcard = text.slice(0, text.search(/[*?]/));
  const dockerHubOnly = list === 'allow' && beforeWildcard !== '' && !beforeWildcard.includes('/');
  if (dockerHubOnly && beforeWildcard.split(':', 1)[0]?.includes('.') === true) {
    return refuse(
      'a wildcard right after a host name would cover other hosts too; write the host, then /, then *',
    );
  }
  const normal = withNormalHost(text);
  const alternatives = list === 'allow' && !namesVersion(normal) ? [normal, `${normal}:latest`] : [normal];
  const { host } = splitHost(normal);
  // `*.corp.example/*` must not be met by a path: `attacker.net/x.corp.example/y`.
  const hostApart = list === 'allow' && hasWildcard(host) && looksLikeHost(host);
  return { ok: true, pattern: { text, list, alternatives, dockerHubOnly, hostApart } };
}

/** A reference under each spelling of its host. With or without the default port it is the same registry, to allow and to deny alike. */
function respelled(reference: ImageReference, hosts: readonly string[]): readonly ImageReference[] {
  return hosts.flatMap(hostSpellings).map((host) => ({ ...reference, host }));
}

/** Everything a deny pattern may hit: all forms, the bare names, and other names of the same registry. */
function denySubjects(reference: ImageReference): readonly string[] {
  const { host } = reference;
  const hosts = host === DOCKER_HUB_HOST ? DOCKER_HUB_HOSTS : [host];
  const own = imageNames(reference);
  const others = respelled(reference, hosts).flatMap((other) =>
    own.filter((name) => name.startsWith(`${host}/`)).map((name) => other.host + name.slice(host.length)),
  );
  const versions = imageVersions(reference);
  return [...new Set([...own, ...others])].flatMap((name) => [name, ...versions.map((end) => name + end)]);
}

function matchesHostApart(pattern: string, host: string, form: string): boolean {
  const slash = pattern.indexOf('/');
  return (
    form.startsWith(`${host}/`) &&
    matchesWildcard(pattern.slice(0, slash), host) &&
    matchesWildcard(pattern.slice(slash + 1), form.slice(host.length + 1))
  );
}

/**
 * Tells whether a pattern covers a reference. A reference with a digest is covered by an allow pattern only through
 * a form that contains the digest: allowing `t:1` says nothing about `t:1@sha256:…`.
 */
export function matchesImagePattern(pattern: ImagePattern, reference: ImageReference): boolean {
  if (pattern.list === 'deny') {
    const subjects = denySubjects(reference);
    return pattern.alternatives.some((text) => subjects.some((subject) => matchesWildcard(text, subject)));
  }
  if (pattern.dockerHubOnly && reference.host !== DOCKER_HUB_HOST) return false;
  return respelled(reference, [reference.host]).some(({ host }) => {
    const { digest } = reference;
    const forms = imageReferenceForms({ ...reference, host }).filter(
      (form) => digest === null || form.endsWith(`@${digest}`),
    );
    return pattern.alternatives.some((text) =>
      forms.some((form) =>
        pattern.hostApart ? matchesHostApart(text, host, form) : matchesWildcard(text, form),
      ),
    );
  });
}
