/** Docker's own client configuration, as far as it says where the engine is: the current context. Read only, never written. */
import { nodeCrypto } from '../../base/node-crypto.js';
import { join } from 'node:path';
import { EngineError } from '../../errors.js';
import { readConfigJson, UnreadableConfig } from './client-config.js';
import { type JsonObject, toObject, toText } from './json-fields.js';
import { type EngineTls, readTlsFolder } from './tls.js';

/** A context's engine. */
export interface ContextEndpoint {
  readonly host: string;
  /** Null: the context has no certificates, and its host decides whether TLS is spoken. */
  readonly tls: EngineTls | null;
}

/**
 * The name of the context in use: `DOCKER_CONTEXT`, else what `config.json` says; null for none and for `default`, which is the environment
 * and the usual socket.
 * @throws `engine.unsupported` if `config.json` is there and cannot be read.
 */
export async function currentContext(
  configFolder: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | null> {
  const named = env['DOCKER_CONTEXT'] ?? '';
  const path = join(configFolder, 'config.json');
  const name = named === '' ? ((await readJson(path))['currentContext'] ?? '') : named;
  // Without it another engine would be spoken to than the one that was chosen.
  if (typeof name !== 'string') throw notUsable(new UnreadableConfig(path, 'currentContext is no text'));
  return name === '' || name === 'default' ? null : name;
}

/**
 * Where a context's engine is.
 * @throws `engine.unsupported` for a context that is not there, is no engine's, or wants an engine's certificate unverified.
 */
export async function readContext(configFolder: string, name: string): Promise<ContextEndpoint> {
  const folderName = nodeCrypto().createHash('sha256').update(name).digest('hex');
  const meta = await readJson(join(configFolder, 'contexts', 'meta', folderName, 'meta.json'));
  const endpoint = toObject(toObject(meta['Endpoints'])['docker']);
  const host = toText(endpoint['Host']);
  if (host === '') {
    const hint = '`docker context ls` shows those there are; `docker context use default` leaves it.';
    throw unusable(name, 'it is not there, or has no Docker endpoint', hint);
  }
  if (endpoint['SkipTLSVerify'] === true) {
    throw unusable(name, 'it leaves the engine’s certificate unverified', 'Give the context the CA instead.');
  }
  const tls = await readTlsFolder(join(configFolder, 'contexts', 'tls', folderName, 'docker'), false);
  return { host, tls: Object.values(tls).every((value) => value === undefined) ? null : tls };
}

async function readJson(path: string): Promise<JsonObject> {
  try {
    return await readConfigJson(path);
  } catch (cause) {
    throw cause instanceof UnreadableConfig ? notUsable(cause) : cause;
  }
}

const notUsable = ({ message, systemCode }: UnreadableConfig): EngineError =>
  new EngineError('engine.unsupported', message, {
    hint: 'Mend it, or give the engine as `engine.host` or DOCKER_HOST.',
    details: { systemCode },
  });

const unusable = (name: string, why: string, hint: string): EngineError =>
  new EngineError('engine.unsupported', `The Docker context "${name}" cannot be used: ${why}.`, { hint });
