/** The secrets of a run by their names, and where they turned up: gathered from logs and outputs, and looked for in the finished result. */
import {
  createSecretScanner,
  type NamedSecret,
  type SecretScan,
  type SecretScanner,
} from './base/secret-scan.js';
import { isCredentials, secretOf } from './execute/registry-auth.js';
import { secretId } from './execute/secrets.js';
import type { RunResult, SecretLeak } from './result.js';
import type { RegistryCredentials } from './secrets/types.js';

/** What the attempts of a run know of its secrets. */
export interface RunSecrets {
  add(name: string, value: string): void;
  /** Each once. */
  values(): readonly string[];
  /** Looks for those known so far. */
  scanner(): SecretScanner;
  leaked(leak: SecretLeak): void;
  /** Each once, in the order of their finding. */
  leaks(): readonly SecretLeak[];
}

/** By this name credentials of registries are told of: they belong to none of the job's variables. */
export const REGISTRY_CREDENTIALS = 'registry credentials';

/** Knows the secrets that the caller gave with the run. */
export function createRunSecrets(
  given: Readonly<Record<string, string>>,
  registryAuth: Readonly<Record<string, RegistryCredentials>> = {},
): RunSecrets {
  const known = new Map<string, NamedSecret & { readonly value: string }>();
  const leaks = new Map<string, SecretLeak>();
  let scanner: SecretScanner | null = null;
  const secrets: RunSecrets = {
    add(name, value) {
      known.set(JSON.stringify([name, value]), { name, value });
      scanner = null;
    },
    values: () => [...new Set([...known.values()].map(({ value }) => value))],
    scanner: () => (scanner ??= createSecretScanner([...known.values()])),
    leaked(leak) {
      leaks.set(JSON.stringify([leak.secret, leak.place, leak.path]), leak);
    },
    leaks: () => [...leaks.values()],
  };
  for (const [key, value] of Object.entries(given)) secrets.add(secretId({ source: 'store', key }), value);
  for (const credentials of Object.values(registryAuth)) {
    // Checked later, and masked in whatever is said of it then.
    if (isCredentials(credentials)) secrets.add(REGISTRY_CREDENTIALS, secretOf(credentials));
  }
  return secrets;
}

/** A look through one stream of a job, for whoever masks it. */
export function scanStream(secrets: RunSecrets, place: 'stdout' | 'stderr'): SecretScan {
  return secrets.scanner().start((secret) => {
    secrets.leaked({ secret, place, path: null });
  });
}

/** The result with what still stands in it, which is what is never masked: names and paths that identify the run. */
export function withLeaksOfResult(result: RunResult, secrets: RunSecrets): RunResult {
  const found: SecretLeak[] = [];
  const scanner = secrets.scanner();
  const lookInto = (value: unknown, path: string): void => {
    if (typeof value === 'string') {
      const scan = scanner.start((secret) => {
        if (found.some((leak) => leak.secret === secret)) return;
        found.push({ secret, place: 'result', path });
      });
      scan.push(Buffer.from(value, 'utf8'));
      scan.end();
      return;
    }
    if (typeof value !== 'object' || value === null) return;
    for (const [key, member] of Object.entries(value)) {
      lookInto(member, path === '' ? key : `${path}.${key}`);
    }
  };
  if (secrets.values().length > 0) lookInto({ ...result, secretLeaks: [] }, '');
  return found.length === 0 ? result : { ...result, secretLeaks: [...result.secretLeaks, ...found] };
}
