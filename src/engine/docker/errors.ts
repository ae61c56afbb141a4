/** Failures of a call to the engine as typed errors: status code first, then the system's error code; text only as message. */
import { EngineError, JobRuntimeError, type ErrorCodeOf } from '../../errors.js';
import { toObject, toText } from './json-fields.js';

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

/** The HTTP status of a failed call, or null if there was no answer. */
export function statusOf(cause: unknown): number | null {
  const status = toObject(cause)['statusCode'];
  return typeof status === 'number' ? status : null;
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

const UNREACHABLE: Readonly<Record<string, string>> = {
  ENOENT: 'There is no such socket: start the engine, or give its address as `engine.host` or DOCKER_HOST.',
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

const STATUS_CODES: Readonly<Record<number, ErrorCodeOf<'engine'>>> = {
  404: 'engine.not_found',
  409: 'engine.conflict',
  501: 'engine.unsupported',
};

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
  if (status !== null) {
    const code = codes[status] ?? STATUS_CODES[status] ?? 'engine.failed';
    return new EngineError(code, `Could not ${attempted.doing}: ${message || 'no reason given'}.`, {
      cause,
      details: { statusCode: status },
    });
  }
  const systemCode = systemCodeOf(cause);
  const hint = UNREACHABLE[systemCode];
  if (hint !== undefined) {
    return new EngineError(
      'engine.unreachable',
      `Could not ${attempted.doing}: the engine at ${attempted.host} could not be reached (${systemCode}).`,
      { cause, hint, details: { host: attempted.host, systemCode } },
    );
  }
  return new EngineError('engine.failed', `Could not ${attempted.doing}: ${message || 'unknown failure'}.`, {
    cause,
    ...(systemCode.startsWith('HPE_')
      ? { hint: `What listens at ${attempted.host} does not speak HTTP.` }
      : {}),
    details: systemCode === '' ? {} : { systemCode },
  });
}
