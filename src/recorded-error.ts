/** An error that was written down, as an error again: of the same class and code where this version knows them. */
import { ERROR_CODES, type ErrorCode, type ErrorKind } from './error-codes.js';
import {
  type AnyJobRuntimeError,
  ConfigError,
  EngineError,
  type ErrorOptions,
  ImageError,
  type JobRuntimeError,
  PolicyError,
  RunError,
  RuntimeError,
  SecretError,
  StorageError,
  ValidationError,
  WorkspaceError,
} from './errors.js';
import type { ErrorRecord } from './outcome.js';

type AnyErrorClass = new (code: never, message: string, options?: ErrorOptions) => JobRuntimeError;

const CLASSES: Readonly<Record<ErrorKind, AnyErrorClass>> = {
  config: ConfigError,
  validation: ValidationError,
  policy: PolicyError,
  secret: SecretError,
  workspace: WorkspaceError,
  storage: StorageError,
  image: ImageError,
  engine: EngineError,
  // Nothing throws one yet.
  service: RuntimeError,
  runtime: RuntimeError,
  run: RunError,
};

const isKnown = (code: string): code is ErrorCode => Object.hasOwn(ERROR_CODES, code);

/** The error behind a record; a code of another version becomes `runtime.failed`. */
export function toRecordedError(
  { code, message, hint, issues }: ErrorRecord,
  runId: string,
): AnyJobRuntimeError {
  const options: ErrorOptions = { hint, runId, details: issues === undefined ? {} : { issues } };
  if (!isKnown(code)) return new RuntimeError('runtime.failed', `${code}: ${message}`, options);
  const error: unknown = new CLASSES[ERROR_CODES[code].kind](code as never, message, options);
  return error as AnyJobRuntimeError;
}
