/** How a run that did not come to its container's end is accounted for: a stop becomes a verdict, anything else a typed error. */
import { contextualize, type AnyJobRuntimeError, issuesOf } from './errors.js';
import type { RecordedStop } from './execute/stop.js';
import type { Verdict } from './execute/verdict.js';
import type { ErrorRecord } from './outcome.js';
import type { RunResult } from './result.js';
import { redactedFailure, redactedResult } from './run-redaction.js';
import type { RunRecord } from './run-record.js';

/** The verdict of a run that was stopped before its container ended; null if it was not stopped. */
export function outcomeOfStop(cause: RecordedStop | null): Verdict | null {
  if (cause === null) return null;
  const { reason, by, message, at } = cause;
  return { reason, exitCode: null, signal: null, oomKilled: null, evidence: [{ by, what: message, at }] };
}

/** The error to throw: typed, redacted, and with what is known of the run on it. */
export function failureOf(
  failure: unknown,
  record: RunRecord,
  result: RunResult | undefined,
): AnyJobRuntimeError {
  const known = result === undefined ? undefined : redactedResult(result, record.redactor);
  return contextualize(
    redactedFailure(failure, record.redactor),
    { runId: record.runId, attempt: record.attempt, phase: record.phase, result: known },
    record.redact,
  );
}

/** The error as data. */
export function toErrorRecord(error: AnyJobRuntimeError): ErrorRecord {
  const { name, kind, code, message, hint } = error;
  const issues = issuesOf(error);
  return { name, kind, code, message, hint, issues: issues.length === 0 ? undefined : issues };
}
