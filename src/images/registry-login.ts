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
  withLoginProblem,
} from '../execute/registry-auth.js';
import type { RegistryCredentials } from '../secrets/types.js';
import type { RegistryCallOptions } from './call-options.js';

/** Finds what a registry is logged in to with; `renew`: it refused what was found before. */
type Login = (renew: boolean) => Promise<FoundCredentials | null>;

/** Logging in for one runtime. */
export interface RegistryLogin {
  /** Runs a call to the registry of a reference whose errors show nothing of what it was logged in to with, and say what kept credentials away. */
  readonly discreetly: <T>(
    reference: string,
    options: RegistryCallOptions,
    work: (login: Login) => Promise<T>,
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
  async function discreetly<T>(
    reference: string,
    { registryAuth, signal }: RegistryCallOptions,
    work: (login: Login) => Promise<T>,
  ): Promise<T> {
    const secrets: string[] = [];
    const problems: string[] = [];
    try {
      return await work(async (renew) => {
        const found = await findRegistryAuth(
          { ...auth, given: registryAuth },
          {
            reference,
            renew,
            timeoutMs: config().timeouts.default.secretsMs,
            signal: signal ?? new AbortController().signal,
            // The call goes on without, and what the registry says of that counts.
            onProblem: (message) => problems.push(message),
          },
        );
        if (found !== null) secrets.push(secretOf(found.credentials));
        return found;
      });
    } catch (error) {
      signal?.throwIfAborted();
      const redactor = createRedactor(secrets);
      const nothing = { runId: undefined, attempt: undefined, phase: undefined, result: undefined };
      throw contextualize(withLoginProblem(error, problems.at(-1)), nothing, (text) => redactor.text(text));
    }
  }

  const loggedIn = async <T>(
    reference: string,
    options: RegistryCallOptions,
    work: (credentials: RegistryCredentials | undefined) => Promise<T>,
  ): Promise<T> =>
    discreetly(reference, options, async (login) => {
      const first = await login(false);
      try {
        return await work(first?.credentials);
      } catch (error) {
        const isRefused = error instanceof ImageError && error.code === 'image.unauthorized';
        if (!isRefused || first?.isRenewable !== true) throw error;
        const second = await login(true);
        if (second === null || areSame(first.credentials, second.credentials)) throw error;
        return work(second.credentials);
      }
    });

  return { discreetly, loggedIn };
}
