/** What an operator's audit trail is told, as data: who asked for what, what policy said, and what was done. No behaviour and no I/O. */
import type { RuntimeConfig } from './config/runtime-config.js';
import type { Issue } from './errors.js';
import type { SecretReference } from './plan/container-spec.js';
import type { ReconcileAction } from './recovery/report.js';
import type { Evidence, PolicyDecision, Reason, RunStatus } from './result.js';

/** What each record says besides its envelope. */
export interface AuditFields {
  /** A caller wants something to run. */
  run_requested: {
    /** Lower-case hex SHA-256 of the compiled request, as in `receipt.stable.request`. */
    readonly requestHash: string;
    readonly jobSlug: string | null;
    readonly image: string;
    /** The profile the caller named. */
    readonly profile: string | null;
    readonly idempotencyKey: string | null;
  };
  /** What a caller wanted was refused before it was a request: it is invalid, or no policy would let it run. */
  run_refused: {
    readonly policyHash: string;
    readonly jobSlug: string | null;
    readonly code: string;
    /** Codes of policy are the ids of its rules. */
    readonly issues: readonly Pick<Issue, 'code' | 'path' | 'message'>[];
  };
  /** Policy judged the request; again when it was replaced while the run waited. */
  run_decided: {
    /** Lower-case hex SHA-256 of the policy, with a profile of what that makes of it; as in `receipt.stable.policy`. */
    readonly policyHash: string;
    readonly decision: PolicyDecision;
  };
  /** A secret was resolved for an attempt; never its value. */
  secret_resolved: {
    readonly secret: SecretReference;
    /** Which version was given, where the resolver tells. */
    readonly version: string | null;
  };
  /** An attempt's container was started. */
  run_started: { readonly containerName: string; readonly containerId: string };
  /** Somebody wants the run to end: its caller, or whoever closes the runtime. */
  run_cancelled: { readonly by: Evidence['by']; readonly reason: Reason; readonly message: string };
  /** Of the last attempt; of a run whose process died by the one that wrote its end down. `code` is the error's that kept the run from having a result. */
  run_ended: {
    readonly status: RunStatus | null;
    readonly reason: Reason | null;
    readonly exitCode: number | null;
    readonly code: string | null;
    readonly receiptHash: string | null;
  };
  /** `updatePolicy` put another policy in force. */
  policy_changed: { readonly previousPolicyHash: string; readonly policyHash: string };
  /** Something that a dead process left behind was dealt with. */
  reconcile_action: { readonly done: ReconcileAction };
}

/** The names of all records. */
export type AuditAction = keyof AuditFields;

/** What every record says. */
export interface AuditEnvelope<A extends AuditAction> {
  readonly schemaVersion: 1;
  readonly action: A;
  /** ISO time on this host. */
  readonly at: string;
  /** The runtime's instance, and the process. */
  readonly instance: string;
  readonly owner: string;
  /** Null for what has to do with no run. */
  readonly runId: string | null;
  readonly attempt: number | null;
  /** The caller's, with secrets masked. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** One record, told apart by `action`. JSON-safe. */
export type AuditRecord = { [A in AuditAction]: AuditEnvelope<A> & AuditFields[A] }[AuditAction];

/**
 * Writes a record down, and resolves once it is safe. A record may come again after a failure: tell it by `runId`, `action` and `at`. Records of one
 * run come one after the other, in their order.
 */
export type AuditSink = (record: AuditRecord) => void | Promise<void>;

/** What happens when a record cannot be written. */
export type AuditMode = RuntimeConfig['auditMode'];
