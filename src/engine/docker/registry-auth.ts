/** Credentials of registries from where Docker's own client has them: `DOCKER_AUTH_CONFIG`, `config.json`, credential helpers. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { registryOf } from '../../base/registry-key.js';
import { DOCKER_HUB_HOST } from '../../base/image-host.js';
import { SecretError } from '../../errors.js';
import type { RegistryAuthResolver, RegistryCredentials } from '../../secrets/types.js';
import { parseConfigJson, readConfigJson, UnreadableConfig } from './client-config.js';
import { askCredentialHelper } from './credential-helper.js';
import { toObject, toText, type JsonObject } from './json-fields.js';
import { environment, requireArguments } from './option-checks.js';

/** The name Docker Hub has had ever since in configurations and helpers. */
const HUB_SERVER = 'https://index.docker.io/v1/';

/** What Docker calls a registry where it logs in. */
export function serverOf(registry: string): string {
  return registry === DOCKER_HUB_HOST ? HUB_SERVER : registry;
}

/**
 * Makes a resolver that looks where Docker's client looks: `auths` of `DOCKER_AUTH_CONFIG`, else its helpers, else `auths` of `config.json` in
 * `DOCKER_CONFIG` (default `~/.docker`), else the helper of `credHelpers` or `credsStore`. Nothing is kept: each call looks anew. Nothing is ever
 * written, and no message holds anything of what was read. Rules: https://docs.docker.com/reference/cli/docker/login/#credential-stores
 *
 * @throws `config.invalid` for an environment that holds anything but texts; `secret.failed`, `secret.timed_out`, from the resolver.
 * @example
 * ```ts
 * const runtime = createRuntime({}, { resolveRegistryAuth: dockerRegistryAuth(process.env) });
 * ```
 */
export function dockerRegistryAuth(env: Readonly<Record<string, string | undefined>>): RegistryAuthResolver {
  requireArguments('dockerRegistryAuth', { env: { value: env, check: environment } });
  return async ({ registry, signal }) => {
    const wanted = registryOf(registry);
    for (const read of [() => fromVariable(env), async () => fromFile(env)]) {
      const found = await credentialsIn(await readable(read), wanted, { env, signal });
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

type Environment = Readonly<Record<string, string | undefined>>;

function fromVariable(env: Environment): unknown {
  const text = env['DOCKER_AUTH_CONFIG'] ?? '';
  return text.trim() === '' ? {} : parseConfigJson(text, 'in DOCKER_AUTH_CONFIG');
}

async function fromFile(env: Environment): Promise<unknown> {
  const given = env['DOCKER_CONFIG'] ?? '';
  const folder = given === '' ? join(env['HOME'] ?? homedir(), '.docker') : given;
  return readConfigJson(join(folder, 'config.json'));
}

async function readable(read: () => unknown): Promise<JsonObject> {
  try {
    return toObject(await read());
  } catch (cause) {
    if (!(cause instanceof UnreadableConfig)) throw cause;
    throw new SecretError('secret.failed', cause.message, {
      hint: 'Mend it, or give the credentials another way.',
    });
  }
}

async function credentialsIn(
  config: JsonObject,
  registry: string,
  options: { readonly env: Environment; readonly signal: AbortSignal },
): Promise<RegistryCredentials | undefined> {
  // An entry may be empty: then it only says that the helper has them.
  const own = entriesFor(config['auths'], registry).map((entry) => fromEntry(toObject(entry)));
  const written = own.find((found) => found !== undefined);
  if (written !== undefined) return written;
  const [named] = entriesFor(config['credHelpers'], registry);
  const helper = toText(named) || toText(config['credsStore']);
  return helper === '' ? undefined : askCredentialHelper(helper, serverOf(registry), options);
}

/** Whatever stands under any spelling of the registry. */
function entriesFor(map: unknown, registry: string): readonly unknown[] {
  return Object.entries(toObject(map)).flatMap(([key, entry]) =>
    registryOf(key) === registry ? [entry] : [],
  );
}

function fromEntry(entry: JsonObject): RegistryCredentials | undefined {
  const identityToken = toText(entry['identitytoken']);
  if (identityToken !== '') return { identityToken };
  const decoded = Buffer.from(toText(entry['auth']), 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  const username = colon > 0 ? decoded.slice(0, colon) : toText(entry['username']);
  // Old clients padded it with NUL.
  const password = colon > 0 ? decoded.slice(colon + 1).replace(/\0+$/, '') : toText(entry['password']);
  return username === '' || password === '' ? undefined : { username, password };
}
