/** What may be wrong with options that calls and runs have in common. Pure. */
import type { Issue } from '../errors.js';
import { isCredentials } from './registry-auth.js';

const MAX_TIMEOUT_MS = 86_400_000;

/** What credentials of a registry are. */
export const CREDENTIALS_RULE =
  'must be { username, password } or { identityToken }, texts that are not empty';

/** Why a value is no time limit; null if it is one. */
export function timeoutProblem(value: unknown): string | null {
  const isLimit =
    typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_TIMEOUT_MS;
  return isLimit ? null : `must be a whole number from 1 to ${String(MAX_TIMEOUT_MS)}`;
}

/** Everything wrong with credentials by registry. Shows none. */
export function registryAuthIssues(given: unknown): readonly Issue[] {
  if (given === undefined || given === null) return [];
  const at = (path: string, message: string): Issue => ({
    code: 'validation.invalid_option',
    path: `options.registryAuth${path}`,
    message,
  });
  if (typeof given !== 'object' || Array.isArray(given)) return [at('', 'must be credentials by registry')];
  return Object.entries(given)
    .filter(([, credentials]) => !isCredentials(credentials))
    .map(([registry]) => at(`.${registry.slice(0, 64)}`, CREDENTIALS_RULE));
}
