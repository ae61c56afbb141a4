/** The `SecretResolver` and `RegistryAuthResolver` ports: how values of secrets and credentials of registries are had, as contracts. No implementation. */
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

/** What a registry is logged in to with. */
export type RegistryCredentials =
  | { readonly username: string; readonly password: string }
  /** As an identity provider gave it; exchanged by the engine for what the registry takes. */
  | { readonly identityToken: string };

/** Which credentials are wanted. */
export interface RegistryAuthRequest {
  /** Its host, with a port if there is one; `docker.io` for Docker Hub by any of its names. */
  readonly registry: string;
  /** The image, as the job names it. */
  readonly reference: string;
  /** The registry refused those that were given before: not out of a cache, please. */
  readonly renew: boolean;
  /** Aborted when the run is cancelled or the deadline for secrets has passed. */
  readonly signal: AbortSignal;
}

/**
 * Gives the credentials for a registry, or `undefined` to leave it to the next source. Called for each pull, and once more if the registry refuses
 * what it gave. What it throws is never shown, unless it is a `SecretError`.
 */
export type RegistryAuthResolver = (request: RegistryAuthRequest) => Promise<RegistryCredentials | undefined>;
