/** What leaves a run (events, results, errors, audit records) with secrets masked wherever a text can be anything. Words of our own and what the definition declares stay: they identify. */
import type { AuditRecord } from './audit.js';
import type { Redactor } from './base/redact.js';
import { hasShortLines, isMaskedAsTokenOnly } from './base/secret-forms.js';
import { JobRuntimeError } from './errors.js';
import type { RunEvent } from './events.js';
import type { RunPlan } from './plan/run-plan.js';
import type { OutputFile, OutputReport, PolicyDecision, RunResult, Violation } from './result.js';

/** Fields of our errors whose texts come from closed lists, or name the run. */
const KEPT_FIELDS: ReadonlySet<string> = new Set([
  'name',
  'kind',
  'code',
  'category',
  'runId',
  'phase',
  'result',
]);

/** A copy of an error, of the same class if it is one of ours; the original may be shared between runs. Anything else is copied as data. */
export function redactedFailure(failure: unknown, redactor: Redactor): unknown {
  const copy = redactor.value(failure, (error) => (JobRuntimeError.isInstance(error) ? KEPT_FIELDS : null));
  if (!JobRuntimeError.isInstance(copy) || copy.result === undefined) return copy;
  return Object.assign(copy, { result: redactedResult(copy.result, redactor) });
}

/** What the reader of a run should know of secrets too short to be masked wherever they stand, by their references. */
export function weakSecretWarnings(secrets: ReadonlyMap<string, string>): readonly string[] {
  return [...secrets].flatMap(([reference, value]) => {
    if (isMaskedAsTokenOnly(value))
      return [
        `the secret "${reference}" has fewer than 6 characters: it is masked only where it stands as a whole word`,
      ];
    if (hasShortLines(value))
      return [
        `the secret "${reference}" has lines of fewer than 6 characters: each is masked only where it stands as a whole word`,
      ];
    return [];
  });
}

/** A copy of a result with secrets masked in all that people, jobs, adapters and engines may have put there. */
export function redactedResult(result: RunResult, redactor: Redactor): RunResult {
  if (redactor.isEmpty) return result;
  const { text, value } = redactor;
  return {
    ...result,
    message: text(result.message),
    hints: result.hints.map(({ code, message }) => ({ code, message: text(message) })),
    warnings: value(result.warnings),
    evidence: result.evidence.map((evidence) => ({ ...evidence, what: text(evidence.what) })),
    decision: redactedDecision(result.decision, redactor),
    given: {
      ...result.given,
      files: result.given.files.map((file) => ({ ...file, workspacePath: text(file.workspacePath) })),
    },
    outputs: result.outputs.map((output) => redactedOutput(output, redactor)),
    secretLeaks: result.secretLeaks.map(({ secret, place, path }) => ({
      secret,
      place,
      path: path === null ? null : text(path),
    })),
    metadata: redactedMetadata(result.metadata, redactor),
  };
}

/** A copy of an event with secrets masked. Output, results and errors in it are already. */
export function redactedEvent(event: RunEvent, redactor: Redactor): RunEvent {
  if (redactor.isEmpty) return event;
  const { text } = redactor;
  const metadata = redactedMetadata(event.metadata, redactor);
  switch (event.type) {
    case 'policy_decision':
      return { ...event, metadata, decision: redactedDecision(event.decision, redactor) };
    case 'pull_progress':
      return { ...event, metadata, status: text(event.status) };
    case 'output_collected':
      return { ...event, metadata, output: redactedOutput(event.output, redactor) };
    case 'warning':
    case 'cleanup_error':
      return { ...event, metadata, message: text(event.message) };
    default:
      return { ...event, metadata };
  }
}

/** A copy of an audit record with secrets masked. The issues of a refusal are already, with their error. */
export function redactedAuditRecord(record: AuditRecord, redactor: Redactor): AuditRecord {
  if (redactor.isEmpty) return record;
  const { text, value } = redactor;
  const metadata = redactedMetadata(record.metadata, redactor);
  switch (record.action) {
    case 'run_requested':
      return {
        ...record,
        ...value({ profile: record.profile, idempotencyKey: record.idempotencyKey }),
        metadata,
      };
    case 'secret_resolved':
      return { ...record, metadata, ...value({ version: record.version }) };
    case 'run_decided':
      return { ...record, metadata, decision: redactedDecision(record.decision, redactor) };
    case 'run_cancelled':
      return { ...record, metadata, message: text(record.message) };
    default:
      return { ...record, metadata };
  }
}

/** A copy of a plan with secrets masked. */
export function redactedPlan(plan: RunPlan, redactor: Redactor): RunPlan {
  return redactor.isEmpty ? plan : redactor.value(plan);
}

/** A frozen copy of a caller's metadata with secrets masked. */
export function redactedMetadata(
  metadata: Readonly<Record<string, string>>,
  { value }: Redactor,
): Readonly<Record<string, string>> {
  return Object.freeze(value(metadata));
}

function redactedDecision(decision: PolicyDecision, { text }: Redactor): PolicyDecision {
  const redactedViolation = (violation: Violation): Violation => ({
    ...violation,
    message: text(violation.message),
    hint: violation.hint === null ? null : text(violation.hint),
  });
  return {
    ...decision,
    violations: decision.violations.map(redactedViolation),
    warnings: decision.warnings.map(redactedViolation),
    audited: decision.audited.map(redactedViolation),
    rules: decision.rules.map((rule) => ({ ...rule, reason: text(rule.reason) })),
  };
}

/** The declared path stays; names of files are the job's. */
function redactedOutput(output: OutputReport, { text }: Redactor): OutputReport {
  const redactedFile = (file: OutputFile): OutputFile => ({
    ...file,
    path: file.path === output.workspacePath ? file.path : text(file.path),
    uploaded: file.uploaded === null ? null : { ...file.uploaded, path: text(file.uploaded.path) },
  });
  return {
    ...output,
    files: output.files.map(redactedFile),
    skipped: output.skipped.map((entry) => ({ ...entry, path: text(entry.path) })),
  };
}
