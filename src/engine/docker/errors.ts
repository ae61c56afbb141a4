/** Failures of a call to the engine as typed errors: status code first, then the system's error code; text only as message. */
import { oneLine } from '../../base/one-line.js';
import type { ErrorCodeOf } from '../../error-codes.js';
import { EngineError, JobRuntimeError } from '../../errors.js';
import { toObject, toText } from './json-fields.js';
import { SshFailure } from './ssh-connection.js';

/** An answer that is not a success. Internal: it never leaves the adapter. */
export class StatusFailure extends Error {
  /** The HTTP status, under the name docker-modem uses. */
  readonly statusCode: number;

  constructor(statusCode: number, message: string) {
    super(message);
    this.name = 'StatusFailure';
    this.statusCode = statusCode;
  }
}

/** A connection that ended before its answer was complete. Internal: it never leaves the adapter. */
export class ConnectionLost extends Error {
  readonly code = 'ECONNRESET';

  constructor(message = 'the connection ended before the answer was complete') {
    super(message);
    this.name = 'ConnectionLost';
  }
}

/** What Podman says under 500 of a container that was removed while it was looked at. */
const GONE_MEANWHILE = ': no such container';

/** The HTTP status of a failed call, 404 whenever there is no such container any more; null if there was no answer. */
export function statusOf(cause: unknown): number | null {
  const status = toObject(cause)['statusCode'];
  if (typeof status !== 'number') return null;
  return status === 500 && messageOf(cause).endsWith(GONE_MEANWHILE) ? 404 : status;
}

/** The engine's own words, without docker-modem's preamble; at most 2,000 characters. May echo a command line. */
export function messageOf(cause: unknown): string {
  const failure = toObject(cause);
  const own = toText(toObject(failure['json'])['message']);
  const text = own === '' ? toText(failure['message']) : own;
  return text
    .replace(/^\(HTTP code \d+\) [^-]* - /, '')
    .trim()
    .replace(/\.$/, '')
    .slice(0, 2000);
}

const UNTRUSTED =
  'The engine’s certificate is not trusted: give the authority it comes from (`tls.ca`, or ca.pem in DOCKER_CERT_PATH).';

const CLIENT_REFUSED =
  'The engine wants a client certificate from an authority it trusts: give `tls.cert` and `tls.key`, or cert.pem and key.pem in DOCKER_CERT_PATH.';

const TLS_FAILED = 'TLS failed: is the engine meant to speak it there, and with these certificates?';

const KEY_FORM = 'Give both as PEM, the key without a passphrase, and the one the certificate is for.';

const UNSEEN =
  'The engine’s host has no such folder: let it see workspaceRoot and secretsRoot, give the path it has the first at as hostWorkspaceRoot, or leave workspace.transport at auto.';

const UNREACHABLE: Readonly<Record<string, string>> = {
  ENOENT:
    'There is no such socket: start the engine, or give its address as `engine.host` or DOCKER_HOST; in a container, mount the socket into it.',
  ENOTSOCK: 'That file is not a socket: check the path of the engine.',
  EACCES:
    'This user may not use the socket: add it to the socket’s group (often `docker`), or use a rootless engine.',
  EPERM:
    'This user may not use the socket: add it to the socket’s group (often `docker`), or use a rootless engine.',
  ECONNREFUSED: 'Nothing listens there: start the engine, or check the address.',
  ENOTFOUND: 'The host name is not known: check the address.',
  EAI_AGAIN: 'The host name could not be looked up: check the address and the network.',
  ECONNRESET:
    'The connection was lost: the engine may be restarting. The call may or may not have taken effect.',
  ECONNABORTED:
    'The connection was lost: the engine may be restarting. The call may or may not have taken effect.',
  EPIPE: 'The connection was lost: the engine may be restarting. The call may or may not have taken effect.',
  ERR_STREAM_PREMATURE_CLOSE:
    'The connection was lost: the engine may be restarting. The call may or may not have taken effect.',
  ETIMEDOUT: 'Nothing answers there: check the address and the network.',
  EHOSTUNREACH: 'There is no way to that host: check the address and the network.',
  EHOSTDOWN: 'There is no way to that host: check the address and the network.',
  ENETUNREACH: 'There is no way to that network: check the address and the network.',
  ESSH: 'The engine is reached by ssh: `ssh HOST docker version` must work, with the host’s key known and without being asked anything.',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  CERT_HAS_EXPIRED: 'The engine’s certificate has expired: renew it.',
  CERT_NOT_YET_VALID: 'The engine’s certificate is not valid yet: check the clocks.',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'The engine’s certificate is for another name: use that one, or give it as `tls.serverName`.',
  ERR_SSL_WRONG_VERSION_NUMBER: 'What listens there does not speak TLS: write tcp:// without certificates.',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: CLIENT_REFUSED,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: CLIENT_REFUSED,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: CLIENT_REFUSED,
  EPROTO: TLS_FAILED,
};

/** What was tried, for messages. */
export interface Attempted {
  /** In the infinitive: "start container 3f2a…". */
  readonly doing: string;
  /** The engine's address. */
  readonly host: string;
}

const systemCodeOf = (cause: unknown): string => {
  const own = toText(toObject(cause)['code']);
  if (own !== '') return own;
  // Several addresses tried at once fail together, with the codes one level down.
  const inner = cause instanceof AggregateError ? (cause.errors as readonly unknown[])[0] : undefined;
  return toText(toObject(inner)['code']);
};

// Of the others the code says it all, and Node's message repeats it.
const reasonOf = (cause: unknown, systemCode: string): string =>
  cause instanceof SshFailure ? `ssh: ${oneLine(cause.message)}` : systemCode;

const STATUS_CODES: Readonly<Record<number, ErrorCodeOf<'engine'>>> = {
  404: 'engine.not_found',
  409: 'engine.conflict',
  501: 'engine.unsupported',
};

/** What the HTTP server of Go, which all engines use, says to plain HTTP on a port of TLS. */
const SPEAKS_TLS = /^client sent an HTTP request to an HTTPS server/i;
/** What Podman says under 500 where Docker says 409. */
const CONFLICT = /\bname is already in use\b|\bby ID with more than one tag\b/;
/** What Docker and Podman say of a folder to mount that is not there. */
const MISSING_SOURCE = /bind source path does not exist|statfs \/.*: no such file or directory/;
const OTHER_VERSION = /^client version \S+ is too (old|new)/i;

/** The error of what answers and is no engine, or stands before one and lets nobody through. */
export function noEngine(host: string, why: string, cause?: unknown): EngineError {
  return new EngineError('engine.unsupported', `What answers at ${host} is no container engine: ${why}.`, {
    cause,
    hint: 'Check the address; a proxy before an engine has to allow the calls of docs/engine-api.md.',
    details: { host },
  });
}

/**
 * Makes the typed error of a failed call. `codes` says what a status means for this call; without an entry 404 is
 * `engine.not_found`, 409 `engine.conflict`, 501 `engine.unsupported`, everything else `engine.failed`.
 */
export function toEngineError(
  cause: unknown,
  attempted: Attempted,
  codes: Readonly<Record<number, ErrorCodeOf<'engine'>>> = {},
): JobRuntimeError {
  if (JobRuntimeError.isInstance(cause)) return cause;
  const status = statusOf(cause);
  const message = messageOf(cause);
  if (status === 400 && SPEAKS_TLS.test(message)) {
    return new EngineError(
      'engine.unreachable',
      `Could not ${attempted.doing}: the engine at ${attempted.host} speaks TLS, and was spoken to without.`,
      { cause, hint: 'Write https://, or give certificates.', details: { statusCode: status } },
    );
  }
  if (status === 400 && OTHER_VERSION.test(message)) {
    return new EngineError('engine.unsupported', `Could not ${attempted.doing}: ${oneLine(message)}.`, {
      cause,
      details: { statusCode: status },
    });
  }
  if (status !== null) {
    const meant = status === 500 && CONFLICT.test(message) ? 409 : status;
    const code = codes[meant] ?? STATUS_CODES[meant] ?? 'engine.failed';
    return new EngineError(code, `Could not ${attempted.doing}: ${oneLine(message) || 'no reason given'}.`, {
      cause,
      hint: MISSING_SOURCE.test(message) ? UNSEEN : undefined,
      details: { statusCode: status },
    });
  }
  const systemCode = systemCodeOf(cause);
  // What OpenSSL says of keys before it says anything to the engine.
  if (systemCode.startsWith('ERR_OSSL_')) {
    return new EngineError(
      'engine.unsupported',
      `Could not ${attempted.doing}: the client certificate or its key cannot be used (${systemCode}).`,
      { cause, hint: KEY_FORM, details: { host: attempted.host, systemCode } },
    );
  }
  const hint = UNREACHABLE[systemCode] ?? (systemCode.startsWith('ERR_SSL_') ? TLS_FAILED : undefined);
  if (hint !== undefined) {
    return new EngineError(
      'engine.unreachable',
      `Could not ${attempted.doing}: the engine at ${attempted.host} could not be reached (${reasonOf(cause, systemCode)}).`,
      { cause, hint, details: { host: attempted.host, systemCode } },
    );
  }
  return new EngineError(
    'engine.failed',
    `Could not ${attempted.doing}: ${oneLine(message) || 'unknown failure'}.`,
    {
      cause,
      ...(systemCode.startsWith('HPE_')
        ? { hint: `What listens at ${attempted.host} does not speak HTTP.` }
        : {}),
      details: systemCode === '' ? {} : { systemCode },
    },
  );
}
