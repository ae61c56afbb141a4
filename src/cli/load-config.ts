/** The configuration of the commands: environment first, the file over it. */
import { configFromEnv, parseConfig, type RuntimeConfig, type RuntimeConfigInput } from '../index.js';
import { documentError } from './input-error.js';
import type { CliIo } from './io.js';
import { loadDocument } from './load-document.js';

const SWITCH = 'CATALOG_ENABLE_DOCKER_JOBS';

/**
 * `parseConfig(configFromEnv(env), file)`, but switched on unless the environment or the file says otherwise: who types a command has asked for it.
 *
 * @throws `config.invalid`.
 */
export async function loadConfig(
  io: Pick<CliIo, 'env' | 'stdin' | 'cwd'>,
  file: string | undefined,
): Promise<RuntimeConfig> {
  const isUnset = (io.env[SWITCH] ?? '').trim() === '';
  const fromEnvironment = [configFromEnv(io.env), isUnset ? { enabled: true } : {}];
  if (file === undefined) return parseConfig(...fromEnvironment);
  const document = await loadDocument(io, file, 'configuration');
  if (!isLayer(document)) throw documentError('configuration', file, 'must be an object');
  return parseConfig(...fromEnvironment, document);
}

/** Only that it is an object; `parseConfig` judges what is in it. */
function isLayer(value: unknown): value is RuntimeConfigInput {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
