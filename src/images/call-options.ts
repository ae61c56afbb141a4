/** What calls about images take, as types. */
import type { RegistryCredentials } from '../secrets/types.js';

/** What every call takes. */
export interface ImageCallOptions {
  /** Ends the call; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What calls to a registry take. */
export interface RegistryCallOptions extends ImageCallOptions {
  /** Credentials by registry, before any others; see `registryAuth` of a run. */
  readonly registryAuth?: Readonly<Record<string, RegistryCredentials>> | undefined;
}
