/** Which credentials a pull gets: the caller's, else the operator's resolver's, else those of this machine. It shows none. */
import { parseImageReference } from '../base/image-reference.js';
import { registryOf } from '../base/registry-key.js';
import { ImageError, JobRuntimeError, SecretError } from '../errors.js';
import type { RegistryAuthResolver, RegistryCredentials } from '../secrets/types.js';
import { withDeadline } from './deadline.js';

/** Where credentials may come from, in the order they are asked. */
export interface RegistryAuthSources {
  /** The caller's, by registry. */
  readonly given: Readonly<Record<string, RegistryCredentials>> | undefined;
  readonly resolver: RegistryAuthResolver | undefined;
  /** What Docker's own client has on this machine. */
  readonly ambient: RegistryAuthResolver | undefined;
}

/** How they are asked. */
export interface RegistryAuthOptions {
  readonly reference: string;
  /** The registry refused those given before. */
  readonly renew: boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Ambient credentials could not be had, and the pull goes on without. */
  readonly onProblem: (message: string) => void;
}

/** Credentials, and whether their source may have others. */
export interface FoundCredentials {
  readonly credentials: RegistryCredentials;
  readonly isRenewable: boolean;
}

/**
 * Finds the credentials for the registry of a reference; null if nobody has any.
 *
 * @throws `secret.failed`, `secret.timed_out` when the operator's resolver fails. What Docker's own client cannot tell is only a warning: many an
 * image needs none.
 */
export async function findRegistryAuth(
  { given, resolver, ambient }: RegistryAuthSources,
  options: RegistryAuthOptions,
): Promise<FoundCredentials | null> {
  const parsed = parseImageReference(options.reference);
  if (!parsed.ok) return null;
  const registry = registryOf(parsed.reference.host);
  const own = Object.entries(given ?? {}).find(([key]) => registryOf(key) === registry);
  if (own !== undefined) return { credentials: own[1], isRenewable: false };
  if (resolver !== undefined) {
    const found = await ask('resolveRegistryAuth', resolver, registry, options);
    if (found !== null) return { credentials: found, isRenewable: true };
  }
  if (ambient === undefined) return null;
  try {
    const found = await ask('Docker’s client configuration', ambient, registry, options);
    return found === null ? null : { credentials: found, isRenewable: true };
  } catch (error) {
    if (!(error instanceof SecretError)) throw error;
    options.onProblem(`no credentials for ${registry} from this machine: ${error.message}`);
    return null;
  }
}

/**
 * What a registry refused, with what kept this machine's credentials away. Registries also say of an image that is not for everybody that it is not there, and
 * engines repeat some refusals in words that nobody knows.
 */
export function withLoginProblem(error: unknown, problem: string | undefined): unknown {
  if (problem === undefined || !JobRuntimeError.isInstance(error) || error.kind !== 'image') return error;
  const { code, message, cause, details, hint } = error;
  const isRefusal =
    code === 'image.unauthorized' ||
    code === 'image.not_found' ||
    ((code === 'image.pull_failed' || code === 'image.push_failed') && details['reason'] === undefined);
  if (!isRefusal) return error;
  // Not the same one: runs that share a pull share its error, and not how they log in.
  const told = `${problem.replace(/\.$/, '')}. ${hint ?? ''}`.trimEnd();
  return new ImageError(code, message, { cause, details, hint: told });
}

async function ask(
  who: string,
  resolver: RegistryAuthResolver,
  registry: string,
  { reference, renew, timeoutMs, signal }: RegistryAuthOptions,
): Promise<RegistryCredentials | null> {
  const onTimeout = (): Error =>
    new SecretError(
      'secret.timed_out',
      `${who} gave no credentials for ${registry} within ${String(timeoutMs)} ms`,
    );
  let answer: unknown;
  try {
    answer = await withDeadline({ timeoutMs, signal, onTimeout }, async (inner) =>
      resolver(Object.freeze({ registry, reference, renew, signal: inner })),
    );
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SecretError) throw error;
    // What it threw may hold a password.
    throw new SecretError('secret.failed', `${who} failed to give credentials for ${registry}`);
  }
  if (answer === undefined || answer === null) return null;
  if (isCredentials(answer)) return answer;
  throw new SecretError(
    'secret.failed',
    `${who} gave something else than credentials for ${registry}; { username, password } or { identityToken } is allowed`,
  );
}

/** Whether a value is credentials with nothing missing. */
export function isCredentials(value: unknown): value is RegistryCredentials {
  if (typeof value !== 'object' || value === null) return false;
  const isText = (name: string): boolean => {
    const text: unknown = Reflect.get(value, name);
    return typeof text === 'string' && text !== '';
  };
  return isText('identityToken') || (isText('username') && isText('password'));
}

/** What is secret of credentials. */
export function secretOf(credentials: RegistryCredentials): string {
  return 'identityToken' in credentials ? credentials.identityToken : credentials.password;
}

/** Whether two are the same ones. */
export function areSame(one: RegistryCredentials, other: RegistryCredentials): boolean {
  const nameOf = (each: RegistryCredentials): string => ('identityToken' in each ? '' : each.username);
  return secretOf(one) === secretOf(other) && nameOf(one) === nameOf(other);
}
