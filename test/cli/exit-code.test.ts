/** The table of exit codes. */
import { ERROR_CODES, REASONS, type ErrorCode, type Reason } from 'berthkit';
import { describe, expect, it } from 'vitest';
import { exitCodeOfError, exitCodeOfResult } from '../../src/cli/exit-code.js';

describe('a result', () => {
  it.each<[Reason, number | null, number]>([
    ['completed', 0, 0],
    ['non_zero_exit', 3, 3],
    ['non_zero_exit', 255, 255],
    ['signaled', 139, 139],
    ['start_failed', 127, 127],
    ['start_failed', null, 125],
    ['oom_killed', 137, 137],
    ['timed_out', 143, 124],
    ['idle_timed_out', 137, 124],
    ['queue_expired', null, 124],
    ['output_missing', 0, 125],
    ['interrupted', 137, 125],
  ])('%s with exit code %s exits %i', (reason, exitCode, expected) => {
    expect(exitCodeOfResult({ reason, exitCode }, null)).toBe(expected);
  });

  it.each([
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('cancelled by %s exits %i', (signal, expected) => {
    expect(exitCodeOfResult({ reason: 'cancelled', exitCode: 137 }, signal)).toBe(expected);
  });

  it('is the job’s own when the job ended before the signal did anything', () => {
    expect(exitCodeOfResult({ reason: 'non_zero_exit', exitCode: 3 }, 'SIGINT')).toBe(3);
  });

  it('exits 0 for a success only, whatever the exit code said', () => {
    const reasons = (Object.keys(REASONS) as Reason[]).filter((reason) => reason !== 'completed');
    for (const reason of reasons) expect(exitCodeOfResult({ reason, exitCode: 0 }, null)).not.toBe(0);
  });
});

describe('an error', () => {
  it('exits 2 for what the input must change, 125 for all else', () => {
    const codes = (Object.keys(ERROR_CODES) as ErrorCode[]).filter((code) => {
      return exitCodeOfError({ code, kind: ERROR_CODES[code].kind }) === 2;
    });
    expect(codes).toEqual([
      'config.invalid',
      'validation.invalid_job',
      'policy.denied',
      'runtime.disabled',
      'run.not_found',
    ]);
  });
});
