/** The one table of error codes: what each is, whose fault, whether to try again, and what to answer over HTTP. */
import type { Category } from './result.js';

/** The area an error belongs to. */
export type ErrorKind =
  | 'config'
  | 'validation'
  | 'policy'
  | 'secret'
  | 'workspace'
  | 'storage'
  | 'image'
  | 'engine'
  | 'service'
  | 'runtime'
  | 'run';

interface ErrorFacts {
  readonly kind: ErrorKind;
  readonly category: Category;
  readonly retryable: boolean;
  readonly httpStatus: number;
}

const facts = <K extends ErrorKind>(kind: K, category: Category, retryable: boolean, httpStatus: number) => ({
  kind,
  category,
  retryable,
  httpStatus,
});

/** The one table of error codes. Public API: renaming a code is a breaking change. */
export const ERROR_CODES = {
  'config.invalid': facts('config', 'caller', false, 500),
  'validation.invalid_job': facts('validation', 'user', false, 400),
  'policy.denied': facts('policy', 'user', false, 403),
  'policy.violated': facts('policy', 'infrastructure', false, 500),
  'policy.unenforceable': facts('policy', 'infrastructure', false, 503),
  'runtime.disabled': facts('runtime', 'caller', false, 400),
  'runtime.closed': facts('runtime', 'caller', false, 503),
  'runtime.paused': facts('runtime', 'caller', true, 503),
  'runtime.queue_full': facts('runtime', 'infrastructure', true, 429),
  'runtime.over_budget': facts('runtime', 'limit', false, 422),
  'runtime.store_failed': facts('runtime', 'infrastructure', true, 503),
  'runtime.audit_failed': facts('runtime', 'infrastructure', true, 503),
  'runtime.disk_low': facts('runtime', 'infrastructure', true, 507),
  'runtime.failed': facts('runtime', 'infrastructure', false, 500),
  'image.not_found': facts('image', 'user', false, 404),
  'image.pull_failed': facts('image', 'infrastructure', true, 502),
  'image.pull_timed_out': facts('image', 'infrastructure', true, 504),
  'image.build_failed': facts('image', 'user', false, 422),
  'image.build_timed_out': facts('image', 'limit', false, 504),
  'image.context_rejected': facts('image', 'user', false, 422),
  'image.context_too_large': facts('image', 'limit', false, 413),
  'image.push_failed': facts('image', 'infrastructure', true, 502),
  'image.unauthorized': facts('image', 'user', false, 401),
  'image.platform_mismatch': facts('image', 'user', false, 422),
  'image.digest_mismatch': facts('image', 'infrastructure', false, 502),
  'image.rejected': facts('image', 'user', false, 403),
  'image.verification_failed': facts('image', 'infrastructure', true, 502),
  'secret.not_found': facts('secret', 'user', false, 424),
  'secret.failed': facts('secret', 'infrastructure', true, 502),
  'secret.timed_out': facts('secret', 'infrastructure', true, 504),
  'workspace.too_large': facts('workspace', 'limit', false, 413),
  'workspace.stage_timed_out': facts('workspace', 'limit', true, 504),
  'workspace.failed': facts('workspace', 'infrastructure', true, 500),
  'workspace.unsupported_platform': facts('workspace', 'infrastructure', false, 501),
  'storage.unknown_mount': facts('storage', 'user', false, 404),
  'storage.not_found': facts('storage', 'user', false, 404),
  'storage.exists': facts('storage', 'user', false, 409),
  'storage.failed': facts('storage', 'infrastructure', true, 502),
  'storage.collect_timed_out': facts('storage', 'limit', true, 504),
  'engine.unreachable': facts('engine', 'infrastructure', true, 503),
  'engine.not_found': facts('engine', 'infrastructure', false, 404),
  'engine.image_not_found': facts('engine', 'user', false, 404),
  'engine.conflict': facts('engine', 'infrastructure', true, 409),
  'engine.unsupported': facts('engine', 'infrastructure', false, 501),
  'engine.gpu_unavailable': facts('engine', 'infrastructure', false, 503),
  'engine.failed': facts('engine', 'infrastructure', true, 502),
  'run.not_found': facts('run', 'caller', false, 404),
  'run.not_succeeded': facts('run', 'user', false, 500),
} as const satisfies Record<string, ErrorFacts>;

/** A stable error code, `area.reason`. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** The codes of one kind of error. */
export type ErrorCodeOf<K extends ErrorKind> = Extract<ErrorCode, `${K}.${string}`>;
