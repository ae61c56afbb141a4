/** Secrets from an environment that is handed in. The process's own is never read by itself. */
import { matchesWildcard } from '../base/wildcard.js';
import { ConfigError } from '../errors.js';
import type { SecretResolver } from './types.js';

/** Which variables may be handed to jobs. */
export interface EnvSecretsOptions {
  /** Names; `*` is any run of characters, `?` exactly one. Anything not listed is not found. */
  readonly allow: readonly string[];
}

/**
 * Answers references with `source: 'env'` from the variables that are listed. A variable that is set but empty is not found.
 *
 * @throws `config.invalid` without a list.
 * @example
 * const resolveSecret = envSecrets(process.env, { allow: ['JOB_*'] });
 */
export function envSecrets(
  env: Readonly<Record<string, string | undefined>>,
  options: EnvSecretsOptions,
): SecretResolver {
  const allow = listOf(options);
  return async (reference) => {
    if (reference.source !== 'env') return Promise.resolve(undefined);
    const allowed = allow.some((pattern) => matchesWildcard(pattern, reference.key));
    // Own properties only: `constructor` is no variable.
    const value = allowed && Object.hasOwn(env, reference.key) ? env[reference.key] : undefined;
    return Promise.resolve(value === '' ? undefined : value);
  };
}

/** A text is no list: taken for one it would be one of its characters, and `*` among them is every variable there is. */
function listOf(options: unknown): readonly string[] {
  const { allow } = Object(options) as { readonly allow?: unknown };
  if (Array.isArray(allow) && allow.every((name) => typeof name === 'string')) return [...allow];
  throw new ConfigError('config.invalid', 'envSecrets: options.allow must be a list of names', {
    hint: "name the variables jobs may have, for example { allow: ['JOB_*'] }",
  });
}
