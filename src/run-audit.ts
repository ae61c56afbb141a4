/** Audit records of runs and of their runtime, made of what happened. It writes and redacts none. */
import type { AuditAction, AuditEnvelope, AuditFields, AuditRecord } from './audit.js';
import { type AnyJobRuntimeError, issuesOf } from './errors.js';
import type { StopCause } from './execute/stop.js';
import type { RunOutcome } from './outcome.js';
import { fixedHashOf } from './run-fixed-hash.js';
import type { RunRequest } from './plan/container-spec.js';
import type { Policy } from './policy/policy.js';
import type { Reason } from './result.js';
import type { RunOptions } from './run-options.js';

/** Where and when something happened. */
export type AuditContext = Omit<AuditEnvelope<AuditAction>, 'schemaVersion' | 'action'>;

/** One record. */
export function auditRecord<A extends AuditAction>(
  context: AuditContext,
  action: A,
  fields: AuditFields[A],
): AuditRecord {
  // The envelope and the fields of one action make a record of it, which the type system cannot follow for a generic A.
  return { schemaVersion: 1, action, ...context, ...fields } as unknown as AuditRecord;
}

/** What a caller asked for. */
export function requestedFields(
  request: RunRequest,
  { profile, idempotencyKey }: RunOptions,
): AuditFields['run_requested'] {
  return {
    requestHash: fixedHashOf(request),
    jobSlug: request.job.slug,
    image: request.container.image,
    profile: profile ?? null,
    idempotencyKey: idempotencyKey ?? null,
  };
}

/** Why it was not taken. */
export function refusedFields(
  failure: AnyJobRuntimeError,
  policy: Policy,
  jobSlug: string | null,
): AuditFields['run_refused'] {
  const issues = issuesOf(failure).map(({ code, path, message }) => ({ code, path, message }));
  return { policyHash: fixedHashOf(policy), jobSlug, code: failure.code, issues };
}

/** The reasons of a stop by which somebody wants a run to end; any other is a limit of its own. */
export const CANCELLING: ReadonlySet<Reason> = new Set<Reason>(['cancelled', 'runtime_shutdown']);

/** Who wants a run to end. */
export function cancelledFields({ by, reason, message }: StopCause): AuditFields['run_cancelled'] {
  return { by, reason, message };
}

/** How a run ended. */
export function endedFields(outcome: RunOutcome): AuditFields['run_ended'] {
  if (outcome.outcome === 'error') {
    return { status: null, reason: null, exitCode: null, code: outcome.error.code, receiptHash: null };
  }
  const { status, reason, exitCode, receipt } = outcome.result;
  return { status, reason, exitCode, code: null, receiptHash: receipt?.receiptHash ?? null };
}

/** From which policy to which. */
export function policyChangedFields(before: Policy, after: Policy): AuditFields['policy_changed'] {
  return { previousPolicyHash: fixedHashOf(before), policyHash: fixedHashOf(after) };
}
