/** Resolves the secrets of one attempt, each once, in parallel and in time. No message or cause of it ever holds a value. */
import { SecretError } from '../errors.js';
import type { SecretReference } from '../plan/container-spec.js';
import type { SecretContext, SecretResolver } from '../secrets/types.js';
import { withDeadline } from './deadline.js';

/** A variable of the container that gets a secret. */
export interface SecretVariable {
  readonly name: string;
  readonly secret: SecretReference;
}

/** How secrets are resolved. */
export interface ResolveSecretsOptions {
  /** For all of them together. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** The values of one attempt. */
export interface ResolvedSecrets {
  /** By {@link secretId} of the reference. */
  readonly values: ReadonlyMap<string, string>;
  /** By {@link secretId}, where the resolver told one. */
  readonly versions: ReadonlyMap<string, string>;
  /** Lets every secret go, each once however often this is called. Never rejects; gives what failed, without values. */
  release(): Promise<readonly string[]>;
}

type Answer = Awaited<ReturnType<SecretResolver>>;
type Release = () => void | Promise<void>;
interface Checked {
  readonly value: string;
  readonly version: string | null;
}

const MAX_SECRET_BYTES = 1024 * 1024;
const RELEASE_MS = 10_000;

/** The same text for equal references, for example `store:api-token` or `store:api-token@3`. */
export function secretId(reference: SecretReference): string {
  const version = reference.source === 'store' ? reference.version : undefined;
  return `${reference.source}:${reference.key}${version === undefined ? '' : `@${version}`}`;
}

/**
 * Resolves what the variables refer to. If any fails, all that were had are released before this rejects; an answer that comes later is
 * released when it comes.
 *
 * @throws `secret.not_found`, `secret.failed`, `secret.timed_out`; the signal's reason when aborted.
 */
export async function resolveSecrets(
  variables: readonly SecretVariable[],
  resolver: SecretResolver | undefined,
  context: Omit<SecretContext, 'signal'>,
  options: ResolveSecretsOptions,
): Promise<ResolvedSecrets> {
  const values = new Map<string, string>();
  const versions = new Map<string, string>();
  const releases = createReleases();
  const distinct = new Map<string, SecretVariable>();
  for (const variable of variables) {
    const id = secretId(variable.secret);
    if (!distinct.has(id)) distinct.set(id, variable);
  }
  const onTimeout = (): Error => {
    const waiting = [...distinct].filter(([id]) => !values.has(id)).map(([, variable]) => describe(variable));
    const time = `${String(options.timeoutMs)} ms`;
    return new SecretError('secret.timed_out', `not resolved within ${time}: ${waiting.join(', ')}`);
  };
  try {
    await withDeadline(
      { timeoutMs: options.timeoutMs, signal: options.signal, onTimeout },
      async (signal) => {
        await Promise.all(
          [...distinct].map(async ([id, variable]) => {
            const answer = await ask(variable, resolver, { ...context, signal });
            releases.add(variable, answer);
            const { value, version } = check(variable, answer);
            values.set(id, value);
            if (version !== null) versions.set(id, version);
          }),
        );
      },
    );
  } catch (error) {
    await releases.run();
    throw error;
  }
  return { values, versions, release: async () => releases.run() };
}

const describe = ({ name, secret }: SecretVariable): string =>
  `secret "${secretId(secret)}" for variable ${name}`;

async function ask(
  variable: SecretVariable,
  resolver: SecretResolver | undefined,
  context: SecretContext,
): Promise<Answer> {
  if (resolver === undefined) {
    throw new SecretError('secret.not_found', `no resolver is there for ${describe(variable)}`, {
      hint: 'give createRuntime a resolveSecret port, for example envSecrets or staticSecrets',
    });
  }
  try {
    return await resolver(variable.secret, context);
  } catch {
    // The thrown thing is dropped whole: message, stack and fields may all hold the value.
    throw new SecretError('secret.failed', `the resolver failed on ${describe(variable)}`);
  }
}

function check(variable: SecretVariable, answer: unknown): Checked {
  // A resolver in JavaScript may well answer null.
  if (answer === undefined || answer === null) {
    throw new SecretError('secret.not_found', `${describe(variable)} was not found`);
  }
  const isPlain = typeof answer === 'string' || answer instanceof Uint8Array;
  const given: unknown = isPlain ? answer : readField(answer, 'value');
  const version = isPlain ? undefined : readField(answer, 'version');
  const refuse = (problem: string): SecretError =>
    new SecretError('secret.failed', `the value of ${describe(variable)} ${problem}`);
  if (typeof given !== 'string' && !(given instanceof Uint8Array)) throw refuse('is neither text nor bytes');
  if (Buffer.byteLength(given) > MAX_SECRET_BYTES) throw refuse('is larger than 1 MiB');
  const value = typeof given === 'string' ? given : decode(given);
  if (value === null || /\p{Cs}/u.test(value)) throw refuse('is not valid Unicode text');
  if (value === '') throw refuse('is empty');
  // The kernel ends a variable at NUL: the job would get another value.
  if (value.includes('\0')) throw refuse('holds a NUL character');
  return { value, version: typeof version === 'string' ? version : null };
}

function readField(answer: unknown, name: string): unknown {
  try {
    return typeof answer === 'object' && answer !== null ? Reflect.get(answer, name) : undefined;
  } catch {
    return undefined;
  }
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function createReleases(): {
  add(variable: SecretVariable, answer: unknown): void;
  run(): Promise<readonly string[]>;
} {
  const waiting: { readonly variable: SecretVariable; readonly release: Release }[] = [];
  let over = false;

  const letGo = async (): Promise<readonly string[]> => {
    const failures = await Promise.all(
      waiting.splice(0).map(async ({ variable, release }) => {
        const failure = `the release of ${describe(variable)} failed`;
        const onTimeout = (): Error => new Error('a release that hangs');
        try {
          await withDeadline({ timeoutMs: RELEASE_MS, onTimeout }, async () => release());
          return null;
        } catch {
          return failure;
        }
      }),
    );
    return failures.filter((failure) => failure !== null);
  };
  return {
    add(variable, answer) {
      const release = answer instanceof Uint8Array ? undefined : readField(answer, 'release');
      if (typeof release !== 'function') return;
      waiting.push({ variable, release: () => Reflect.apply(release, answer, []) as void | Promise<void> });
      // The answer came after the deadline or another's failure.
      if (over) void letGo();
    },
    async run() {
      over = true;
      return letGo();
    },
  };
}
