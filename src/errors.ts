/** Typed errors: what could not become, or could not finish as, a run. The outcome of a job is never an error. */
import { ERROR_CODES, type ErrorCode, type ErrorCodeOf } from './error-codes.js';
import type { Category, RunResult, Violation } from './result.js';

/** One thing wrong with an input, with the path to it. */
export interface Issue {
  /** `validation.<what>` or `policy.<rule>` or `config.<what>` or `runtime.disabled`. */
  readonly code: string;
  /** Full path, for example `docker.inputs.0.workspacePath`; an environment variable's name in configuration. */
  readonly path: string;
  /** What was wrong and what is allowed; free of secret values. */
  readonly message: string;
  /** What to do about it, where there is more to say. */
  readonly hint?: string | undefined;
}

/** What an error may carry besides its message. */
export interface ErrorOptions {
  readonly cause?: unknown;
  readonly runId?: string | undefined;
  readonly attempt?: number | undefined;
  readonly phase?: string | undefined;
  readonly hint?: string | undefined;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly result?: RunResult | undefined;
}

const brandOf = (name: string): symbol => Symbol.for(`berthkit.error.${name}`);

const hasBrand = (value: unknown, name: string): boolean =>
  typeof value === 'object' && value !== null && Reflect.get(value, brandOf(name)) === true;

/** The brands of a class and of all it is derived from. */
function brandsOf(own: { readonly brand: string }): ReadonlySet<string> {
  const brands = new Set<string>();
  for (
    let each: unknown = own;
    typeof each === 'function' && 'brand' in each;
    each = Object.getPrototypeOf(each)
  ) {
    brands.add(String(each.brand));
  }
  return brands;
}

/**
 * The base of every error berthkit throws. `instanceof` works across the ESM and CommonJS builds, per class:
 * each instance carries the brands of its own class and of those it is derived from, and each class looks only for its own.
 */
export class JobRuntimeError<C extends ErrorCode = ErrorCode> extends Error {
  static readonly brand: string = 'JobRuntimeError';
  readonly kind: (typeof ERROR_CODES)[C]['kind'];
  readonly code: C;
  readonly category: Category;
  readonly retryable: boolean;
  readonly runId: string | undefined;
  readonly attempt: number | undefined;
  readonly phase: string | undefined;
  /** What to do about it. */
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;
  /** The outcome the job had already come to when this error befell the run. */
  readonly result: RunResult | undefined;

  constructor(code: C, message: string, options: ErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    const known = ERROR_CODES[code];
    this.name = new.target.brand;
    this.kind = known.kind;
    this.code = code;
    this.category = known.category;
    this.retryable = known.retryable;
    this.runId = options.runId;
    this.attempt = options.attempt;
    this.phase = options.phase;
    this.hint = options.hint;
    this.details = options.details ?? {};
    this.result = options.result;
    for (const brand of brandsOf(new.target)) Object.defineProperty(this, brandOf(brand), { value: true });
  }

  /** True for an error of berthkit from either build; narrows to the union discriminated by `kind`. */
  static isInstance(value: unknown): value is AnyJobRuntimeError {
    return hasBrand(value, JobRuntimeError.brand);
  }

  /** True for an error of this class from either build; a class derived from ours, which has no brand of its own, knows its instances as any class does. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return Object.hasOwn(this, 'brand')
      ? hasBrand(value, this.brand)
      : Function.prototype[Symbol.hasInstance].call(this, value);
  }

  /** The error as JSON-safe data, without stack; `cause` only by its message. */
  toJSON(): Record<string, unknown> {
    const { name, kind, code, category, retryable, message, hint, runId, attempt, phase, details, result } =
      this;
    const cause = this.cause instanceof Error ? this.cause.message : undefined;
    return {
      name,
      kind,
      code,
      category,
      retryable,
      message,
      hint,
      runId,
      attempt,
      phase,
      details,
      cause,
      result,
    };
  }
}

/** Configuration that cannot be used; lists every bad value in `details.issues`. */
export class ConfigError<C extends ErrorCodeOf<'config'> = ErrorCodeOf<'config'>> extends JobRuntimeError<C> {
  static override readonly brand: string = 'ConfigError';
}

/** A definition or option that has the wrong shape; lists every issue in `details.issues`. */
export class ValidationError<
  C extends ErrorCodeOf<'validation'> = ErrorCodeOf<'validation'>,
> extends JobRuntimeError<C> {
  static override readonly brand: string = 'ValidationError';
}

/** The operator's policy forbids the request, or the engine did not apply what policy demands. */
export class PolicyError<C extends ErrorCodeOf<'policy'> = ErrorCodeOf<'policy'>> extends JobRuntimeError<C> {
  static override readonly brand: string = 'PolicyError';
}

/** A secret could not be resolved or delivered. Never holds the value. */
export class SecretError<C extends ErrorCodeOf<'secret'> = ErrorCodeOf<'secret'>> extends JobRuntimeError<C> {
  static override readonly brand: string = 'SecretError';
}

/** The run's folder could not be prepared or read. */
export class WorkspaceError<
  C extends ErrorCodeOf<'workspace'> = ErrorCodeOf<'workspace'>,
> extends JobRuntimeError<C> {
  static override readonly brand: string = 'WorkspaceError';
}

/** A storage adapter failed, or what it was asked for is not there. */
export class StorageError<
  C extends ErrorCodeOf<'storage'> = ErrorCodeOf<'storage'>,
> extends JobRuntimeError<C> {
  static override readonly brand: string = 'StorageError';
}

/** An image could not be had. */
export class ImageError<C extends ErrorCodeOf<'image'> = ErrorCodeOf<'image'>> extends JobRuntimeError<C> {
  static override readonly brand: string = 'ImageError';
}

/** The container engine failed or could not be reached. */
export class EngineError<C extends ErrorCodeOf<'engine'> = ErrorCodeOf<'engine'>> extends JobRuntimeError<C> {
  static override readonly brand: string = 'EngineError';
}

/** The runtime does not take this run now. */
export class RuntimeError<
  C extends ErrorCodeOf<'runtime'> = ErrorCodeOf<'runtime'>,
> extends JobRuntimeError<C> {
  static override readonly brand: string = 'RuntimeError';
}

/** A run did not end as the caller demanded, or there is none of that id. */
export class RunError<C extends ErrorCodeOf<'run'> = ErrorCodeOf<'run'>> extends JobRuntimeError<C> {
  static override readonly brand: string = 'RunError';
}

/** Every error of berthkit, discriminated by `kind`. */
export type AnyJobRuntimeError =
  | ConfigError
  | ValidationError
  | PolicyError
  | SecretError
  | WorkspaceError
  | StorageError
  | ImageError
  | EngineError
  | RuntimeError
  | RunError;

/** Narrows what a caller caught to the issues it lists; empty for other errors. */
export function issuesOf(error: unknown): readonly Issue[] {
  if (!JobRuntimeError.isInstance(error)) return [];
  const issues = error.details['issues'];
  return Array.isArray(issues) ? (issues as readonly Issue[]) : [];
}

/** The violations a policy refusal lists; empty for other errors. */
export function violationsOf(error: unknown): readonly Violation[] {
  if (!JobRuntimeError.isInstance(error)) return [];
  const violations = error.details['violations'];
  return Array.isArray(violations) ? (violations as readonly Violation[]) : [];
}

/**
 * The same error with what is known of the run on it, its texts redacted; anything that is not of berthkit becomes `runtime.failed` with the
 * original as its cause.
 */
export function contextualize(
  error: unknown,
  context: Pick<ErrorOptions, 'runId' | 'attempt' | 'phase' | 'result'>,
  redact: (text: string) => string,
): AnyJobRuntimeError {
  redactTexts(error, redact, 0);
  // Again for an error that is frozen and kept its text.
  const message = redact(error instanceof Error ? error.message : String(error));
  const typed = JobRuntimeError.isInstance(error)
    ? error
    : new RuntimeError('runtime.failed', message, Object.isFrozen(error) ? {} : { cause: error });
  const { runId, attempt, phase, result } = typed;
  return Object.assign(typed, {
    runId: runId ?? context.runId,
    attempt: attempt ?? context.attempt,
    phase: phase ?? context.phase,
    result: result ?? context.result,
  });
}

const MAX_CAUSES = 8;

function redactTexts(error: unknown, redact: (text: string) => string, depth: number): void {
  if (!(error instanceof Error) || depth > MAX_CAUSES || Object.isFrozen(error)) return;
  error.message = redact(error.message);
  if (error.stack !== undefined) error.stack = redact(error.stack);
  redactTexts(error.cause, redact, depth + 1);
}
