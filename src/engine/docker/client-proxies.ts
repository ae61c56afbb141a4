/** The proxies Docker's own client would give to containers: `proxies` of its `config.json`. Nothing is kept, and no message holds a value. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { PROXY_KINDS, type ProxyKind } from '../../base/proxy-variables.js';
import { SecretError } from '../../errors.js';
import { readConfigJson, UnreadableConfig } from './client-config.js';
import { toObject } from './json-fields.js';

/**
 * What stands for an engine's host, for example `tcp://10.0.0.1:2376`, else for `default`, in `config.json` of `DOCKER_CONFIG` (default
 * `~/.docker`); empty where nothing does. The two are not merged. Rules: https://docs.docker.com/engine/cli/proxy/
 *
 * @throws `secret.failed` for a file that cannot be read, and for what is no text in it: jobs do not go without a proxy they were promised.
 */
export async function dockerClientProxies(
  env: Readonly<Record<string, string | undefined>>,
  host: string | null,
): Promise<ReadonlyMap<ProxyKind, string>> {
  const given = env['DOCKER_CONFIG'] ?? '';
  const folder = given === '' ? join(env['HOME'] ?? homedir(), '.docker') : given;
  const all = toObject((await readable(join(folder, 'config.json')))['proxies']);
  const key = host !== null && Object.hasOwn(all, host) ? host : 'default';
  const proxies = toObject(all[key]);
  return new Map(
    PROXY_KINDS.flatMap((kind): [ProxyKind, string][] => {
      const value = proxies[kind] ?? '';
      if (typeof value !== 'string' || /\p{Cc}/u.test(value)) {
        throw new SecretError(
          'secret.failed',
          `proxies["${key}"].${kind} of the Docker client configuration is no text without control characters`,
          { hint: HINT },
        );
      }
      return value === '' ? [] : [[kind, value]];
    }),
  );
}

const HINT = 'mend it, or switch engine.dockerProxies off';

async function readable(path: string): Promise<ReturnType<typeof toObject>> {
  try {
    return await readConfigJson(path);
  } catch (cause) {
    if (!(cause instanceof UnreadableConfig)) throw cause;
    throw new SecretError('secret.failed', cause.message, { hint: HINT });
  }
}
