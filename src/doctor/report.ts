/** What an examination of an engine found, as data. No behaviour. */
import type { EnforcedLimit } from '../base/enforced-limits.js';
import type { EngineLocation, EngineInfo } from '../engine/types.js';

/** What was looked at besides limits. */
export type DoctorCheckName =
  | 'endpoint'
  | 'engine'
  | 'control_groups'
  | 'storage_driver'
  | 'live_restore'
  | 'security_options'
  | 'runtimes'
  | 'gpus'
  | 'disk'
  | 'engine_disk'
  | 'clock'
  | 'address_pools'
  | 'images'
  | 'transport';

/** What was found of one thing. */
export interface DoctorCheck {
  readonly check: DoctorCheckName;
  /** `warning`: runs go on, and an operator should know. `failed`: runs fail, or will. `not_checked`: it could not be found out; never a quiet yes. */
  readonly status: 'ok' | 'warning' | 'failed' | 'not_checked';
  /** What was found, or why nothing was. */
  readonly message: string;
  /** What to do about it; null where there is nothing to do. */
  readonly remedy: string | null;
}

/** Whether one limit is really enforced, as a container of the engine showed. */
export interface LimitCheck {
  readonly limit: EnforcedLimit;
  /** `enforced` and `not_enforced` were both seen in a container; whatever was not seen is `not_checked`. */
  readonly state: 'enforced' | 'not_enforced' | 'not_checked';
  /** What was seen, or why nothing was. */
  readonly evidence: string;
  /** What to do about it; null for one that is enforced. */
  readonly remedy: string | null;
  /** Whether `policy.security.acceptUnenforced` names it. */
  readonly accepted: boolean;
}

/** The image containers were made of to find out about limits. */
export interface DoctorImage {
  readonly reference: string;
  /** `sha256:…` of its configuration. */
  readonly id: string;
}

/** What was measured; null: not known. */
export interface DoctorMeasurements {
  /** Where `workspaceRoot` lies. */
  readonly freeBytes: number | null;
  readonly freeInodes: number | null;
  /** Where the engine has its containers and images, as a container shows it. */
  readonly engineFreeBytes: number | null;
  /** The engine's clock minus this process's. */
  readonly clockSkewMs: number | null;
  /** Networks that can still be made, at most: what the engine's host uses itself cannot be seen from here. */
  readonly freeNetworks: number | null;
}

/** An examination of a runtime's engine. JSON-safe, without secrets. */
export interface DoctorReport {
  readonly schemaVersion: 1;
  /** ISO. When it began. */
  readonly at: string;
  readonly durationMs: number;
  /** No check failed, and every limit is enforced or accepted by name. */
  readonly healthy: boolean;
  /** Null where the engine has no address, or could not be found. */
  readonly endpoint: EngineLocation | null;
  /** Null unless the engine answered. */
  readonly engine: EngineInfo | null;
  /** Null where there was none to use. */
  readonly image: DoctorImage | null;
  readonly checks: readonly DoctorCheck[];
  readonly limits: readonly LimitCheck[];
  readonly measured: DoctorMeasurements;
  /** What could not be removed; a later reconciliation tries again. */
  readonly leftovers: readonly string[];
}

/** An examination in short, as `readiness` gives it. */
export interface DoctorSummary {
  /** ISO. */
  readonly at: string;
  readonly healthy: boolean;
  readonly failed: readonly DoctorCheckName[];
  readonly warnings: readonly DoctorCheckName[];
  readonly notEnforced: readonly EnforcedLimit[];
  /** Limits of which nothing could be seen. */
  readonly notChecked: readonly EnforcedLimit[];
}

/** What an examination may be told. */
export interface DoctorOptions {
  /** A reference or id of the image to make containers of; it has to be there, and to have `sh`. Default: a small one that policy allows. */
  readonly image?: string | undefined;
}
