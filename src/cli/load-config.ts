/** The configuration of the commands: environment first, the file over it. */
import {
  configFromEnv,
  DEFAULT_CONFIG,
  parseConfig,
  type PolicyInput,
  type RuntimeConfig,
  type RuntimeConfigInput,
} from '../index.js';
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
  return file === undefined ? overEnvironment(io) : overEnvironment(io, await loadLayer(io, file));
}

/**
 * The same for a file that may also be a policy alone: one all of whose keys are those of a policy.
 *
 * @throws `config.invalid`.
 */
export async function loadPolicyConfig(
  io: Pick<CliIo, 'env' | 'stdin' | 'cwd'>,
  file: string,
): Promise<RuntimeConfig> {
  const layer = await loadLayer(io, file);
  const isPolicy = Object.keys(layer).every((key) => Object.hasOwn(DEFAULT_CONFIG.policy, key));
  return overEnvironment(io, isPolicy ? { policy: layer as PolicyInput } : layer);
}

function overEnvironment(
  { env }: Pick<CliIo, 'env'>,
  ...layers: readonly RuntimeConfigInput[]
): RuntimeConfig {
  const isUnset = (env[SWITCH] ?? '').trim() === '';
  return parseConfig(configFromEnv(env), isUnset ? { enabled: true } : {}, ...layers);
}

async function loadLayer(io: Pick<CliIo, 'stdin' | 'cwd'>, file: string): Promise<RuntimeConfigInput> {
  const document = await loadDocument(io, file, 'configuration');
  if (!isLayer(document)) throw documentError('configuration', file, 'must be an object');
  return document;
}

/** Only that it is an object; `parseConfig` judges what is in it. */
function isLayer(value: unknown): value is RuntimeConfigInput {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
