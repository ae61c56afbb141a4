/** What a conformance suite is made of, and the few checks its cases need. No test runner, so that any can run them. */
import { inspect, isDeepStrictEqual } from 'node:util';
import type { ErrorCode } from '../error-codes.js';
import { JobRuntimeError } from '../errors.js';

/** One case of a suite: `run` rejects with a plain `Error` that says what was expected and what came instead. */
export interface ConformanceCase {
  readonly name: string;
  /** Rejects with what does not conform. */
  run(): Promise<void>;
}

/** How a suite is run. */
export interface ConformanceOptions {
  /** How long one step of a case may take, in milliseconds, before it counts as hanging. Default 30,000. */
  readonly timeoutMs?: number | undefined;
}

/** A case of one kind of suite, before something to test is given to it. */
export interface CaseOf<T> {
  readonly name: string;
  readonly body: (trial: T) => Promise<void>;
}

/** How long a step may take where nothing else is said. */
export const DEFAULT_TIMEOUT_MS = 30_000;

const show = (value: unknown): string =>
  inspect(value, { depth: 4, maxStringLength: 300, maxArrayLength: 20, breakLength: Infinity });

/** Throws unless `condition` holds. */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Throws unless both are equal, compared deeply. */
export function checkEqual(actual: unknown, expected: unknown, what: string): void {
  check(isDeepStrictEqual(actual, expected), `${what}: expected ${show(expected)}, got ${show(actual)}`);
}

/** Settles as the work does, but rejects when that takes too long. */
export async function within<T>(timeoutMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${what}: nothing happened within ${timeoutMs} ms`));
    }, timeoutMs);
  });
  try {
    return await Promise.race([work, tooLong]);
  } finally {
    clearTimeout(timer);
  }
}

/** What the work rejects with; throws if it does not reject. */
export async function rejection(work: Promise<unknown>, what: string): Promise<unknown> {
  let value: unknown;
  try {
    value = await work;
  } catch (error) {
    return error;
  }
  throw new Error(`${what}: expected a rejection, got ${show(value)}`);
}

/** Throws unless the work rejects with a `JobRuntimeError` of one of the codes; gives that error. */
export async function checkRejects(
  work: Promise<unknown>,
  codes: readonly ErrorCode[],
  what: string,
): Promise<JobRuntimeError> {
  const error = await rejection(work, what);
  check(JobRuntimeError.isInstance(error), `${what}: ${show(error)} is not a JobRuntimeError`);
  check(codes.includes(error.code), `${what}: expected ${codes.join(' or ')}, got ${show(error)}`);
  return error;
}

/** Throws unless the work rejects with exactly this reason. */
export async function checkRejectsWith(work: Promise<unknown>, reason: unknown, what: string): Promise<void> {
  const error = await rejection(work, what);
  check(error === reason, `${what}: expected the signal's own reason, got ${show(error)}`);
}
