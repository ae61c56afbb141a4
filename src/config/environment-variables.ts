/** Which environment variable sets which key of the configuration. Data only. */
import { DEFAULT_CONFIG } from './defaults.js';

/** How the text of a variable is read. */
export type VariableKind =
  | 'boolean'
  | 'bytes'
  | 'bytesOrUnlimited'
  | 'milliseconds'
  | 'number'
  | 'text'
  | 'lowerText'
  | 'list'
  | 'lowerList';

/** One variable. */
export interface EnvironmentVariable {
  /** Without the prefix. */
  readonly name: string;
  readonly path: readonly string[];
  readonly kind: VariableKind;
}

const at = (name: string, path: string, kind: VariableKind): EnvironmentVariable => ({
  name,
  path: path.split('.'),
  kind,
});

/** The variables of the Docker Job Runtime document, and those its software reads without saying so. */
const DOCUMENTED: readonly EnvironmentVariable[] = [
  at('ENABLE_DOCKER_JOBS', 'enabled', 'boolean'),
  at('DOCKER_WORKSPACE_ROOT', 'workspaceRoot', 'text'),
  at('DOCKER_IMAGE_ALLOWLIST', 'policy.images.allow', 'list'),
  at('DOCKER_IMAGE_DENYLIST', 'policy.images.deny', 'list'),
  at('DOCKER_MAX_WORKSPACE_BYTES', 'maxWorkspaceBytes', 'bytesOrUnlimited'),
  at('DOCKER_ENABLE_GPU', 'policy.gpu.enabled', 'boolean'),
  at('DOCKER_ENFORCE_NETWORK_ISOLATION', 'policy.network.enforceIsolation', 'boolean'),
  at('DOCKER_DEFAULT_NETWORK_MODE', 'policy.network.defaultMode', 'lowerText'),
  at('DOCKER_ALLOWED_NETWORK_MODES', 'policy.network.allowedModes', 'lowerList'),
  at('DOCKER_ALLOW_NETWORK_OVERRIDE', 'policy.network.allowOverride', 'boolean'),
  at('DOCKER_PERSIST_LOG_TAIL', 'persistLogTail', 'boolean'),
  at('DOCKER_MAX_LOG_CHARS', 'maxLogChars', 'number'),
  at('DOCKER_KILL_GRACE_MS', 'stopGraceMs', 'milliseconds'),
  at('DOCKER_FILESTORE_MAX_DOWNLOAD_BYTES', 'maxDownloadBytes', 'bytes'),
  at('DOCKER_FILESTORE_MAX_UPLOAD_BYTES', 'maxUploadBytes', 'bytes'),
  at('DOCKER_FILESTORE_MAX_FILE_BYTES', 'maxFileBytes', 'bytes'),
];

/** Numbers that are null by default. */
const NUMBERS_OR_NULL: readonly string[] = ['cpus', 'maxRunning', 'maxQueued'];

/** Every variable there is: the documented ones, and for every other key `DOCKER_` and its path in upper snake case. */
export const ENVIRONMENT_VARIABLES: readonly EnvironmentVariable[] = [
  ...DOCUMENTED,
  ...leaves(DEFAULT_CONFIG, [])
    .filter(({ path }) => !DOCUMENTED.some((known) => known.path.join('.') === path.join('.')))
    .flatMap(({ path, value }) => {
      const kind = kindOf(path, value);
      return kind === null ? [] : [{ name: nameOf(path), path, kind }];
    }),
];

function leaves(
  value: unknown,
  path: readonly string[],
): readonly { readonly path: readonly string[]; readonly value: unknown }[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [{ path, value }];
  return Object.entries(value).flatMap(([key, child]) => leaves(child, [...path, key]));
}

/** `policy.limits.max.cpus` is `DOCKER_POLICY_LIMITS_MAX_CPUS`. */
function nameOf(path: readonly string[]): string {
  return `DOCKER_${path.map((part) => part.replace(/([A-Z])/g, '_$1').toUpperCase()).join('_')}`;
}

/** Keys that hold lists of objects have no variable. */
function kindOf(path: readonly string[], value: unknown): VariableKind | null {
  const key = path.at(-1) ?? '';
  if (path.includes('ulimits')) return null;
  if (typeof value === 'boolean') return 'boolean';
  if (Array.isArray(value)) return 'list';
  if (key.endsWith('Bytes')) return path.includes('max') ? 'bytesOrUnlimited' : 'bytes';
  if (key.endsWith('Ms')) return 'milliseconds';
  if (typeof value === 'number' || NUMBERS_OR_NULL.includes(key)) return 'number';
  return 'text';
}
