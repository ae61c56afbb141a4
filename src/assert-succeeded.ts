/** The assertion for callers who want any other end than success to throw. */
import { RunError } from './errors.js';
import type { RunResult, SucceededResult } from './result.js';

/**
 * Throws unless the run succeeded; afterwards TypeScript knows that it did.
 *
 * @throws `run.not_succeeded`, carrying the whole result.
 * @example
 * ```ts
 * const result = await runtime.runJob(definition);
 * assertSucceeded(result);
 * result.exitCode; // 0
 * ```
 */
export function assertSucceeded(result: RunResult): asserts result is SucceededResult {
  if (result.status === 'succeeded') return;
  const hint = result.hints[0]?.message;
  throw new RunError('run.not_succeeded', result.message, { runId: result.runId, result, hint });
}
