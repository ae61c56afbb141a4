/** What happens to a runtime as a whole, as data. JSON-safe; no values of secrets are known where it is told. */
import type { EventFields } from './events.js';
import type { RemovedImage } from './images/gc-report.js';
import type { ReconcileAction, ReconcileReport } from './recovery/report.js';

/** What each event says besides its envelope. */
export interface RuntimeEventFields {
  /** The engine could not be reached; told once until it answers again. */
  engine_lost: { readonly message: string };
  /** The engine answers again. */
  engine_back: object;
  /** Too little is free where workspaces lie: runs are refused, and running ones ended to make room; told once until a run finds enough. */
  disk_low: { readonly message: string };
  /** `updatePolicy` put another policy in force; the hashes are those of the audit record. */
  policy_changed: { readonly previousPolicyHash: string; readonly policyHash: string };
  /** Something that a dead process left behind was dealt with. */
  reconcile_action: { readonly done: ReconcileAction };
  /** A pass that was no dry run is over. `automatic`: nobody called `reconcile` for it. */
  reconcile_end: { readonly automatic: boolean; readonly report: ReconcileReport };
  /** A pass that was no dry run could not be made. */
  reconcile_failed: { readonly automatic: boolean; readonly message: string };
  /**
   * Clean-up gave up on something of a run: it is left as it is, tried again by each pass of recovery, and `message` says why. `what` as in the run's
   * `cleanup_error`.
   */
  quarantined: {
    readonly runId: string;
    readonly what: EventFields['cleanup_error']['what'];
    readonly message: string;
  };
  /** An image that this runtime had pulled, and that nobody used, was removed as `images.gc` says. */
  image_removed: { readonly image: RemovedImage };
  /** Images were not looked through, or one that was pulled could not be remembered, and stays. */
  image_gc_failed: { readonly message: string };
  /**
   * Audit records of the runtime itself, not of a run, were given up: the oldest, when more than 1,000 waited for a sink that takes none, or all
   * of them, when it closed. `records` is how many.
   */
  audit_failed: { readonly records: number; readonly message: string };
}

/** The names of all events of a runtime. */
export type RuntimeEventType = keyof RuntimeEventFields;

/** What every event of a runtime says. */
export interface RuntimeEventEnvelope<T extends RuntimeEventType> {
  readonly type: T;
  /** ISO time on this host. */
  readonly at: string;
  /** The runtime's instance, and the process. */
  readonly instance: string;
  readonly owner: string;
}

/** One event of a runtime, told apart by `type`. */
export type RuntimeEvent = {
  [T in RuntimeEventType]: RuntimeEventEnvelope<T> & RuntimeEventFields[T];
}[RuntimeEventType];
