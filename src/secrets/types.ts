/** The `SecretResolver` port: how values for secret references are had, as a contract. No implementation. */
import type { SecretReference } from '../plan/container-spec.js';

/** For whom a secret is resolved. */
export interface SecretContext {
  readonly runId: string;
  readonly attempt: number;
  readonly jobSlug: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly profile: string | null;
  /** Aborted when the run is cancelled or the deadline for secrets has passed. */
  readonly signal: AbortSignal;
}

/** A value with what belongs to it. */
export interface ResolvedSecret {
  readonly value: string | Uint8Array;
  readonly version?: string | undefined;
  /** Called once when the run is over, whatever happened. */
  readonly release?: (() => void | Promise<void>) | undefined;
}

/**
 * Gives the value of a secret, or `undefined` if there is none. Called once per distinct reference and attempt, in parallel. What it
 * throws is never shown: its message might hold the value.
 */
export type SecretResolver = (
  reference: SecretReference,
  context: SecretContext,
) => Promise<string | Uint8Array | ResolvedSecret | undefined>;
