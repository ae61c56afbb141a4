/** Secrets from a record in memory. It neither reads nor keeps anything else. */
import type { ResolvedSecret, SecretResolver } from './types.js';

/** A value, or a value with its version. */
export type StaticSecret = string | Uint8Array | ResolvedSecret;

/**
 * Answers references with `source: 'store'` from a record. A reference that names a version is answered only by a value of that version.
 *
 * @example
 * const resolveSecret = staticSecrets({ 'api-token': 'correct horse battery' });
 */
export function staticSecrets(secrets: Readonly<Record<string, StaticSecret>>): SecretResolver {
  const known = new Map(Object.entries(secrets));
  return async (reference) => {
    const secret = reference.source === 'store' ? known.get(reference.key) : undefined;
    if (secret === undefined || reference.source !== 'store') return Promise.resolve(undefined);
    const version = typeof secret === 'string' || secret instanceof Uint8Array ? undefined : secret.version;
    const wanted = reference.version;
    return Promise.resolve(wanted === undefined || wanted === version ? secret : undefined);
  };
}
