/** Image references by the grammar of the distribution project, read in linear time. No policy is applied here. */
import { DOCKER_HUB_HOST, looksLikeHost, parseHost } from './image-host.js';

/** An image reference in its normal form. */
export interface ImageReference {
  /** Registry host with its port, if any; `docker.io` for every spelling of Docker Hub. */
  readonly host: string;
  /** Repository path; official images of Docker Hub have their `library/`. */
  readonly path: string;
  /** The tag; `latest` when the text had neither tag nor digest; null when it had only a digest. */
  readonly tag: string | null;
  /** `algorithm:hex`, or null. */
  readonly digest: string | null;
  /** `host/path[:tag][@digest]`: equal for equivalent spellings. */
  readonly canonical: string;
}

/** A reference, or what is wrong with the text. The problem never repeats the text: it may hold a password. */
export type ImageReferenceResult =
  | { readonly ok: true; readonly reference: ImageReference }
  | { readonly ok: false; readonly problem: string };

const MAX_TEXT_LENGTH = 1024;
/** Longest repository name with its host (distribution: `NameTotalLengthMax`). */
const MAX_NAME_LENGTH = 255;
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
// Letters and separators never overlap, so this cannot backtrack more than once over its (bounded) subject.
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/;
const OFFICIAL_PREFIX = 'library/';

const refuse = (problem: string): { readonly ok: false; readonly problem: string } => ({
  ok: false,
  problem,
});

function problemWithText(text: string): string | null {
  if (text === '') return 'must not be empty';
  if (text.length > MAX_TEXT_LENGTH) return `must not be longer than ${String(MAX_TEXT_LENGTH)} characters`;
  if (text.includes('://')) return 'must be host/path:tag without a URL scheme';
  if (!/^[A-Za-z0-9._\-/:@[\]]*$/.test(text)) {
    return 'must hold only ASCII letters, digits and . _ - / : @, without blanks';
  }
  // Engines read a short run of hex digits, even a single one, as an image id, which would escape every name rule.
  if (/^[0-9a-f]{1,64}$/.test(text) || /^sha(?:256|384|512):/.test(text)) {
    return 'must be a name, not an image id; write a name that looks like an id with its tag, such as cafe:latest';
  }
  return null;
}

function problemWithPath(path: string): string | null {
  if (/[A-Z]/.test(path)) return 'the repository name must be lower-case';
  if (path.split('/').every((component) => PATH_COMPONENT.test(component))) return null;
  return 'the repository name must be components of a-z and 0-9, with single . _ - between them, joined by /';
}

/**
 * Reads an image reference. Refused: the empty text, image ids (hex digits only, `sha256:…`), upper case in host or
 * path, a trailing dot in the host, blanks, control and non-ASCII characters, empty or `.` components, URLs,
 * credentials, names longer than 255 characters. Hosts that mean Docker Hub become `docker.io`.
 */
export function parseImageReference(text: string): ImageReferenceResult {
  const textProblem = problemWithText(text);
  if (textProblem !== null) return refuse(textProblem);

  const at = text.indexOf('@');
  const digest = at < 0 ? null : text.slice(at + 1);
  if (digest !== null && !DIGEST.test(digest)) {
    return refuse(
      'after @ only a digest may stand, such as sha256: and 64 lower-case hex digits; no credentials',
    );
  }
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const tag = hasTag ? named.slice(colon + 1) : digest === null ? 'latest' : null;
  if (tag !== null && !TAG.test(tag)) {
    return refuse('the tag must be 1 to 128 letters, digits, _ . -, not starting with . or -');
  }

  const name = hasTag ? named.slice(0, colon) : named;
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const hasHost = slash >= 0 && (looksLikeHost(first) || /[A-Z]/.test(first));
  const parsedHost = hasHost ? parseHost(first) : ({ ok: true, value: DOCKER_HUB_HOST } as const);
  if (!parsedHost.ok) return parsedHost;
  const host = parsedHost.value;
  const givenPath = hasHost ? name.slice(slash + 1) : name;
  const pathProblem = problemWithPath(givenPath);
  if (pathProblem !== null) return refuse(pathProblem);
  const path = host === DOCKER_HUB_HOST && !givenPath.includes('/') ? OFFICIAL_PREFIX + givenPath : givenPath;
  if (host.length + 1 + path.length > MAX_NAME_LENGTH) {
    return refuse(`the name with its host must not be longer than ${String(MAX_NAME_LENGTH)} characters`);
  }
  const canonical = `${host}/${path}${suffix(tag, digest)}`;
  return { ok: true, reference: { host, path, tag, digest, canonical } };
}

function suffix(tag: string | null, digest: string | null): string {
  return (tag === null ? '' : `:${tag}`) + (digest === null ? '' : `@${digest}`);
}

/**
 * Lists the names, without tag and digest, that mean the same repository; the canonical one first. A short name is
 * left out where it would read as another host: `docker.io/reg.example/x` is not `reg.example/x`.
 */
export function imageNames(reference: Pick<ImageReference, 'host' | 'path'>): readonly string[] {
  const { host, path } = reference;
  if (host !== DOCKER_HUB_HOST) return [`${host}/${path}`];
  const slash = path.indexOf('/');
  const names = [`${host}/${path}`];
  if (!looksLikeHost(path.slice(0, slash))) names.push(path);
  const official = path.startsWith(OFFICIAL_PREFIX) ? path.slice(OFFICIAL_PREFIX.length) : null;
  if (official !== null && !official.includes('/')) names.push(`${host}/${official}`, official);
  return names;
}

/** Lists the ways to write which version of the repository is meant: by tag, by digest, by both, as far as known. */
export function imageVersions(reference: ImageReference): readonly string[] {
  const { tag, digest } = reference;
  const versions = new Set([suffix(tag, digest)]);
  if (tag !== null) versions.add(suffix(tag, null));
  if (digest !== null) versions.add(suffix(null, digest));
  return [...versions];
}

/** Lists every spelling of a reference that policy looks at: each of its names with tag, with digest, with both. */
export function imageReferenceForms(reference: ImageReference): readonly string[] {
  const versions = imageVersions(reference);
  return imageNames(reference).flatMap((name) => versions.map((version) => name + version));
}
