import { describe, expect, it } from 'vitest';
import { ERROR_CODES, type ErrorCode } from '../../src/error-codes.js';
import { JobRuntimeError } from '../../src/errors.js';
import { isTriedAgain, retryDelayMs } from '../../src/execute/retry.js';
import type { RetryCategory } from '../../src/plan/container-spec.js';
import type { PlannedRetry } from '../../src/plan/run-plan.js';
import { REASONS, type Reason, type RunResult } from '../../src/result.js';

const retry = (fields: Partial<PlannedRetry> = {}): PlannedRetry => ({
  maxAttempts: 3,
  backoff: 'exponential',
  jitter: 'none',
  initialDelayMs: 100,
  maxDelayMs: 1000,
  on: ['infrastructure'],
  ...fields,
});
const resultOf = (reason: Reason) => ({ reason, ...REASONS[reason] }) as unknown as RunResult;
const afterReason = (reason: Reason, on: readonly RetryCategory[]) =>
  isTriedAgain({ outcome: 'result', result: resultOf(reason) }, retry({ on }));
const afterCode = (code: ErrorCode, on: readonly RetryCategory[], result?: RunResult) => {
  const error = new JobRuntimeError(code, 'x', { result }) as never;
  return isTriedAgain({ outcome: 'error', error }, retry({ on }));
};
const reasons = Object.keys(REASONS) as readonly Reason[];
const codes = Object.keys(ERROR_CODES) as readonly ErrorCode[];

describe('isTriedAgain', () => {
  it('follows the tables by default, but for the end of the runtime and what it refuses itself', () => {
    const on = ['infrastructure'] as const;
    expect(reasons.filter((reason) => afterReason(reason, on))).toEqual(
      reasons.filter((reason) => REASONS[reason].retryable && reason !== 'runtime_shutdown'),
    );
    expect(codes.filter((code) => afterCode(code, on))).toEqual(
      codes.filter((code) => ERROR_CODES[code].retryable && !code.startsWith('runtime.')),
    );
  });

  it.each<[RetryCategory, readonly Reason[]]>([
    ['user', ['non_zero_exit', 'signaled', 'start_failed', 'output_missing', 'output_rejected']],
    [
      'limit',
      [
        'oom_killed',
        'disk_limit_exceeded',
        'output_limit_exceeded',
        'log_limit_exceeded',
        'timed_out',
        'idle_timed_out',
      ],
    ],
  ])('after ends of the category %s where that is asked for', (category, expected) => {
    expect(reasons.filter((reason) => afterReason(reason, [category]))).toEqual(expected);
  });

  it('never after an error that another attempt would meet again', () => {
    const on = ['user', 'limit', 'infrastructure'] as const;
    const permanent = codes.filter((code) => !ERROR_CODES[code].retryable);
    expect(permanent.filter((code) => afterCode(code, on))).toEqual([]);
    expect(afterCode('workspace.stage_timed_out', ['limit'])).toBe(true);
    expect(afterCode('storage.failed', ['limit'])).toBe(false);
  });

  it('never once the job has run to its end', () => {
    expect(afterCode('storage.failed', ['infrastructure'])).toBe(true);
    expect(afterCode('storage.failed', ['infrastructure'], resultOf('completed'))).toBe(false);
    expect(afterCode('storage.failed', ['infrastructure'], resultOf('interrupted'))).toBe(false);
  });

  it.each(['completed', 'cancelled', 'runtime_shutdown'] as const)('never after %s', (reason) => {
    expect(afterReason(reason, ['user', 'limit', 'infrastructure'])).toBe(false);
  });
});

describe('retryDelayMs', () => {
  const delays = (fields: Partial<PlannedRetry>, chance: number) =>
    [1, 2, 3, 4, 5, 9].map((failed) => retryDelayMs(retry(fields), failed, () => chance));

  it.each<[Partial<PlannedRetry>, number, readonly number[]]>([
    [{ backoff: 'none' }, 0.5, [0, 0, 0, 0, 0, 0]],
    [{ backoff: 'fixed' }, 0.5, [100, 100, 100, 100, 100, 100]],
    [{}, 0.5, [100, 200, 400, 800, 1000, 1000]],
    [{ jitter: 'full' }, 0, [0, 0, 0, 0, 0, 0]],
    [{ jitter: 'full' }, 0.25, [25, 50, 100, 200, 250, 250]],
    [{ jitter: 'equal' }, 0, [50, 100, 200, 400, 500, 500]],
    [{ jitter: 'equal' }, 0.5, [75, 150, 300, 600, 750, 750]],
    [{ backoff: 'fixed', initialDelayMs: 0 }, 0.5, [0, 0, 0, 0, 0, 0]],
    [{ backoff: 'fixed', maxDelayMs: 50 }, 0.5, [50, 50, 50, 50, 50, 50]],
  ])('%j with chance %d', (fields, chance, expected) => {
    expect(delays(fields, chance)).toEqual(expected);
  });
});
