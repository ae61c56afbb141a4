/** How calls to a registry log in, once more where that is refused, and tell nobody with what. It calls no registry itself. */
import { createRedactor } from '../base/redact.js';
import type { RuntimeConfig } from '../config/runtime-config.js';
import { contextualize, ImageError } from '../errors.js';
import {
  areSame,
  findRegistryAuth,
  type FoundCredentials,
  type RegistryAuthSources,
  secretOf,
} from '../execute/registry-auth.js';
import type { RegistryCredentials } from '../secrets/types.js';
import type { RegistryCallOptions } from './call-options.js';

/** Logging in for one runtime. */
export interface RegistryLogin {
  /** `renew`: the registry refused what was found before. */
  readonly credentialsFor: (
    reference: string,
    renew: boolean,
    options: RegistryCallOptions,
  ) => Promise<FoundCredentials | null>;
  /** Runs a call to a registry whose errors show none of the credentials it was made with: all that go through `known`. */
  readonly discreetly: <T>(
    signal: AbortSignal | undefined,
    work: (known: (found: FoundCredentials | null) => FoundCredentials | null) => Promise<T>,
  ) => Promise<T>;
  /** Logs in, and once more with fresh credentials where they are refused. */
  readonly loggedIn: <T>(
    reference: string,
    options: RegistryCallOptions,
    work: (credentials: RegistryCredentials | undefined) => Promise<T>,
  ) => Promise<T>;
}

/** Asks nobody yet. */
export function createRegistryLogin(
  config: () => RuntimeConfig,
  auth: Omit<RegistryAuthSources, 'given'>,
): RegistryLogin {
  const credentialsFor = async (
    reference: string,
    renew: boolean,
    { registryAuth, signal }: RegistryCallOptions,
  ): Promise<FoundCredentials | null> =>
    findRegistryAuth(
      { ...auth, given: registryAuth },
      {
        reference,
        renew,
        timeoutMs: config().timeouts.default.secretsMs,
        signal: signal ?? new AbortController().signal,
        // The call goes on without, and says what the registry says of that.
        onProblem: () => undefined,
      },
    );

  async function discreetly<T>(
    signal: AbortSignal | undefined,
    work: (known: (found: FoundCredentials | null) => FoundCredentials | null) => Promise<T>,
  ): Promise<T> {
    const secrets: string[] = [];
    try {
      return await work((found) => {
        if (found !== null) secrets.push(secretOf(found.credentials));
        return found;
      });
    } catch (error) {
      signal?.throwIfAborted();
      const redactor = createRedactor(secrets);
      const nothing = { runId: undefined, attempt: undefined, phase: undefined, result: undefined };
      throw contextualize(error, nothing, (text) => redactor.text(text));
    }
  }

  const loggedIn = async <T>(
    reference: string,
    options: RegistryCallOptions,
    work: (credentials: RegistryCredentials | undefined) => Promise<T>,
  ): Promise<T> =>
    discreetly(options.signal, async (known) => {
      const first = known(await credentialsFor(reference, false, options));
      try {
        return await work(first?.credentials);
      } catch (error) {
        const isRefused = error instanceof ImageError && error.code === 'image.unauthorized';
        if (!isRefused || first?.isRenewable !== true) throw error;
        const second = known(await credentialsFor(reference, true, options));
        if (second === null || areSame(first.credentials, second.credentials)) throw error;
        return work(second.credentials);
      }
    });

  return { credentialsFor, discreetly, loggedIn };
}
