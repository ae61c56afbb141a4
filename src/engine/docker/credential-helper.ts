/** Asking a credential helper (`docker-credential-NAME get`), without a shell and within bounds. Nothing it says is ever shown. */
import type { ExecFileException } from 'node:child_process';
import { SecretError } from '../../errors.js';
import type { RegistryCredentials } from '../../secrets/types.js';
import { toObject, toText } from './json-fields.js';
import { childProcess } from './node-modules.js';

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
  const { failure, text } = await run(program, server, options);
  options.signal.throwIfAborted();
  if (failure !== null) {
    if (failure.killed !== true && NONE.test(text)) return undefined;
    throw failedHelper(program, failure);
  }
  return toCredentials(text, program);
}

interface HelperAnswer {
  readonly failure: ExecFileException | null;
  readonly text: string;
}

async function run(
  program: string,
  server: string,
  {
    env,
    signal,
  }: { readonly env: Readonly<Record<string, string | undefined>>; readonly signal: AbortSignal },
): Promise<HelperAnswer> {
  return new Promise((resolve) => {
    const child = childProcess().execFile(
      program,
      ['get'],
      {
        env,
        signal,
        timeout: HELPER_MS,
        killSignal: 'SIGKILL',
        maxBuffer: MAX_ANSWER_BYTES,
        shell: false,
        windowsHide: true,
      },
      (failure, stdout) => {
        resolve({ failure, text: stdout });
      },
    );
    // One that does not read has answered or failed; that is what counts.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(server);
  });
}

function failedHelper(program: string, failure: ExecFileException): SecretError {
  const { code } = failure;
  if (failure.killed === true && code !== 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') {
    const message = `${program} did not answer within ${String(HELPER_MS)} ms.`;
    return new SecretError('secret.timed_out', message, { hint: 'Does it wait for somebody to unlock it?' });
  }
  if (code === 'ENOENT') {
    return new SecretError('secret.failed', `${program} is not installed.`, {
      hint: 'Install it, take it out of config.json, or give the credentials another way.',
    });
  }
  const why = typeof code === 'number' ? `exit code ${String(code)}` : (code ?? failure.signal ?? 'unknown');
  return new SecretError('secret.failed', `${program} failed (${why}).`, {
    hint: `Try "echo SERVER | ${program} get" as the user of this process.`,
  });
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
