/** What engines say of pulls and pushes that failed, as typed errors: a table. It reads no stream. */
import { oneLine } from '../../base/one-line.js';
import type { ErrorCodeOf } from '../../error-codes.js';
import { ImageError } from '../../errors.js';
import type { PullFailureReason } from '../types.js';
import { wordsOf } from './pull-words.js';

/** One way for a pull to fail. */
interface PullFailure {
  readonly code: ErrorCodeOf<'image'>;
  readonly reason: PullFailureReason | null;
  /** By which the engine's words are told; in every version they are those of Go's network library, of the registry protocol or of the engine. */
  readonly text: RegExp;
  /** Answers that mean it whatever the words. */
  readonly statuses?: readonly number[];
  readonly hint: string;
}

// In this order, because words of one are found in the messages of others. Engines answer nearly everything with status 500 (Docker 20.10 and 26.1)
// or inside a stream that began with success (Podman), so the text has to tell; what it does not tell is `image.pull_failed` without a reason.
const FAILURES: readonly PullFailure[] = [
  {
    code: 'image.pull_failed',
    reason: 'too_many_requests',
    text: /toomanyrequests|too many requests|rate limit/i,
    statuses: [429],
    hint: 'The registry limits how often images are pulled: wait, log in, use a mirror, or pull policy `ifNotPresent`.',
  },
  {
    code: 'image.not_found',
    reason: null,
    text: /manifest unknown|name unknown|not found: |repository does not exist/i,
    statuses: [404],
    hint: 'Check the name and the tag; a registry may also hide an image from those who are not logged in.',
  },
  {
    code: 'image.unauthorized',
    reason: null,
    text: /unauthorized|no basic auth credentials|authentication required|incorrect username or password|\bdenied\b/i,
    statuses: [401, 403],
    hint: 'The registry wants credentials, or these are not enough for this image.',
  },
  {
    code: 'image.platform_mismatch',
    reason: null,
    text: /no matching manifest|no image found in (manifest list|image index)|does not match the specified platform/i,
    hint: 'The image is not published for this platform.',
  },
  {
    code: 'image.digest_mismatch',
    reason: null,
    text: /(manifest|layer|config) verification failed|digest did not match|does not match (provided manifest )?digest|does not match expected sha\d+:|layers from manifest don['’]t match/i,
    hint: 'The registry, or something on the way, gave other bytes than the digest stands for.',
  },
  {
    code: 'image.pull_failed',
    reason: 'missing_blob',
    text: /unknown blob|blob unknown|fetching blob/i,
    hint: 'The registry has lost a part of the image: push it again.',
  },
  {
    code: 'image.pull_failed',
    reason: 'unknown_host',
    text: /no such host|temporary failure in name resolution|server misbehaving|dial tcp: lookup /i,
    hint: 'The name of the registry is not known to the engine: check it, and the engine’s name server.',
  },
  {
    code: 'image.pull_failed',
    reason: 'connection_refused',
    text: /connection refused/i,
    hint: 'Nothing listens at the registry’s address, as the engine sees it.',
  },
  {
    code: 'image.pull_failed',
    reason: null,
    text: /sent an HTTP request to an HTTPS server/i,
    hint: 'The engine tried plain HTTP after TLS had failed, as it does with registries it may reach insecurely; most likely the registry wants credentials.',
  },
  {
    code: 'image.pull_failed',
    reason: 'plain_http',
    text: /server gave HTTP response to HTTPS client/i,
    hint: 'The registry speaks no TLS: give it a certificate, or list it among the engine’s insecure registries.',
  },
  {
    code: 'image.pull_failed',
    reason: 'certificate',
    text: /x509: |certificate/i,
    hint: 'The engine does not trust the registry’s certificate: give the engine its authority (/etc/docker/certs.d), or renew it.',
  },
  {
    code: 'image.pull_failed',
    reason: 'no_answer',
    text: /i\/o timeout|TLS handshake timeout|Client\.Timeout|context deadline exceeded|no route to host|network is unreachable|unexpected EOF|: EOF$|expected HTTP 206|connection reset/i,
    hint: 'The registry did not answer, or broke off: check the engine’s network and its proxy.',
  },
  {
    code: 'image.pull_failed',
    reason: 'registry_error',
    text: /unexpected HTTP status|status code 5\d\d|HTTP status: 5\d\d|received unexpected HTTP|Internal Server Error|Service Unavailable|Bad Gateway|stopped after \d+ redirects/i,
    hint: 'The registry is in trouble.',
  },
  {
    code: 'image.pull_failed',
    reason: 'registry_error',
    text: /looking for beginning of value/i,
    hint: 'What answers there gives something else than a registry does: check the address, and the proxy of the engine.',
  },
  {
    code: 'image.pull_failed',
    reason: 'no_space',
    text: /no space left on device/i,
    hint: 'The engine’s disk is full: remove images nobody uses.',
  },
];

const ofStatus = (status: number | null): PullFailure | undefined =>
  FAILURES.find(({ statuses }) => status !== null && statuses?.includes(status) === true);

/** Engines repeat the registry’s status where its answer has no words they know, as that of a proxy: Docker 20.10, then Podman. */
const STATUS_IN_WORDS =
  /error parsing HTTP (\d{3}) response body|\bStatusCode: (\d{3}), |invalid status code from registry (\d{3}) /;

/** What the registry’s own status means, if it is told; for a part of an image that is missing the words say more. */
function ofRegistryStatus(words: string): PullFailure | undefined {
  const told = STATUS_IN_WORDS.exec(words)?.slice(1).find(Boolean);
  if (told === undefined || (told === '404' && /fetching blob/i.test(words))) return undefined;
  if (told.startsWith('5')) return FAILURES.find(({ reason }) => reason === 'registry_error');
  return ofStatus(Number(told));
}

/** Docker makes 404 of a registry’s 403. In its usual words that may well be an image that is not there; with words of its own it is what it says: a login that has expired. */
const REFUSED = /^pull access denied for .*: denied: (?!requested access to the resource is denied)/s;

/**
 * The error of a failed pull. The status decides where it says something (401, 403, 404, 429), the registry’s before the engine’s, but for a platform that is
 * missing, which newer versions of Docker answer with 404; the text decides the rest, without the names it repeats. What is not known is `image.pull_failed` without a reason.
 */
export function toPullError(
  reference: string,
  status: number | null,
  text: string,
  cause?: unknown,
): ImageError {
  return toError('Pulling', 'image.pull_failed', reference, { status, text, cause });
}

/** The error of a failed push, by the same words; what would be `image.pull_failed` is `image.push_failed`. */
export function toPushError(
  reference: string,
  status: number | null,
  text: string,
  cause?: unknown,
): ImageError {
  return toError('Pushing', 'image.push_failed', reference, { status, text, cause });
}

/** The error of a digest that was not told, by the same words as a pull. */
export function toResolveError(reference: string, status: number, text: string, cause: unknown): ImageError {
  return toError('Resolving the digest of', 'image.pull_failed', reference, { status, text, cause });
}

interface Refusal {
  readonly status: number | null;
  readonly text: string;
  readonly cause: unknown;
}

function toError(
  doing: string,
  general: 'image.pull_failed' | 'image.push_failed',
  reference: string,
  { status, text, cause }: Refusal,
): ImageError {
  const words = wordsOf(text, reference);
  const told = FAILURES.find((each) => each.text.test(words));
  const meant = ofRegistryStatus(words) ?? ofStatus(REFUSED.test(words) ? 403 : status);
  const failure = told?.code === 'image.platform_mismatch' ? told : (meant ?? told);
  const reason = failure?.reason ?? null;
  const code = failure?.code ?? general;
  return new ImageError(
    code === 'image.pull_failed' ? general : code,
    `${doing} ${reference} failed: ${oneLine(text.trim()) || 'no reason given'}.`,
    {
      cause,
      hint: failure?.hint,
      details: {
        ...(status === null ? {} : { statusCode: status }),
        ...(reason === null ? {} : { reason }),
      },
    },
  );
}
