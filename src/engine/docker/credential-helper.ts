/** Asking a credential helper (`docker-credential-NAME get`), without a shell and within bounds. Nothing it says is ever shown. */
import { SecretError } from '../../errors.js';
import type { RegistryCredentials } from '../../secrets/types.js';
import { type ProgramEnd, runBounded } from './bounded-program.js';
import { toObject, toText } from './json-fields.js';

/** A helper may ask a password store that asks a cloud, but it is not to hold up a run. */
const HELPER_MS = 30_000;
const MAX_ANSWER_BYTES = 64 * 1024;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** In these words helpers say that they have none (docker/docker-credential-helpers, `credentials/error.go`). */
const NONE = /credentials not found|no credentials server URL|no credentials username/i;
/** By this name a helper says that what it gives is an identity token. */
const TOKEN_USER = '<token>';

/**
 * The credentials a helper has for a server, or undefined if it has none. Protocol: https://github.com/docker/docker-credential-helpers
 *
 * @throws `secret.failed` for a name that is none, a helper that is not there, fails or answers with something else; `secret.timed_out`.
 */
export async function askCredentialHelper(
  name: string,
  server: string,
  options: { readonly env: Readonly<Record<string, string | undefined>>; readonly signal: AbortSignal },
): Promise<RegistryCredentials | undefined> {
  if (!NAME.test(name)) {
    throw new SecretError(
      'secret.failed',
      'The Docker client configuration names a credential helper that cannot be one; 1 to 64 letters, digits and . _ - are allowed.',
    );
  }
  const program = `docker-credential-${name}`;
  const bounds = { input: server, timeoutMs: HELPER_MS, maxBytes: MAX_ANSWER_BYTES };
  const end = await runBounded(program, ['get'], { ...options, ...bounds });
  options.signal.throwIfAborted();
  if (end.by !== 'exit') throw failedHelper(program, end);
  if (end.code === 0) return toCredentials(end.output, program);
  if (NONE.test(end.output)) return undefined;
  throw failedHelper(program, end);
}

function failedHelper(program: string, end: ProgramEnd): SecretError {
  if (end.by === 'time') {
    const message = `${program} did not answer within ${String(HELPER_MS)} ms.`;
    return new SecretError('secret.timed_out', message, { hint: 'Does it wait for somebody to unlock it?' });
  }
  if (end.by === 'error' && end.code === 'ENOENT') {
    return new SecretError('secret.failed', `${program} is not installed.`, {
      hint: 'Install it, take it out of config.json, or give the credentials another way.',
    });
  }
  return new SecretError('secret.failed', `${program} failed (${reasonOf(end)}).`, {
    hint: `Try "echo SERVER | ${program} get" as the user of this process.`,
  });
}

function reasonOf(end: ProgramEnd): string {
  if (end.by === 'size') return `an answer of more than ${String(MAX_ANSWER_BYTES)} bytes`;
  if (!('code' in end)) return end.by;
  return typeof end.code === 'number' ? `exit code ${String(end.code)}` : end.code;
}

function toCredentials(text: string, program: string): RegistryCredentials | undefined {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new SecretError('secret.failed', `${program} answered with something else than JSON.`);
  }
  const username = toText(toObject(answer)['Username']);
  const secret = toText(toObject(answer)['Secret']);
  if (secret === '' || username === '') return undefined;
  return username === TOKEN_USER ? { identityToken: secret } : { username, password: secret };
}
