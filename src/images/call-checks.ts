/** Checks of what calls about images take, before anybody is asked. Pure. */
import { type Issue, ValidationError } from '../errors.js';
import { registryAuthIssues, timeoutProblem } from '../execute/call-option-issues.js';
import type { RegistryCallOptions } from './call-options.js';

/** @throws `validation.invalid_job`, naming each option. */
export function requireUsableOptions({
  registryAuth,
  timeoutMs,
}: RegistryCallOptions & { readonly timeoutMs?: number | undefined }): void {
  const problem = timeoutMs === undefined ? null : timeoutProblem(timeoutMs);
  const issues: readonly Issue[] = [
    ...registryAuthIssues(registryAuth),
    ...(problem === null ? [] : [at('timeoutMs', problem)]),
  ];
  requireNone(issues);
}

const GC_KEYS = ['signal', 'dryRun'];

/**
 * Also of a caller that does not check types: a misspelt `dryRun` must not remove anything.
 *
 * @throws `validation.invalid_job`, naming each option.
 */
export function requireUsableGcOptions(options: { readonly dryRun?: unknown }): void {
  const issues: Issue[] = Object.keys(options)
    .filter((key) => !GC_KEYS.includes(key))
    .map((key) => at(key, `is no known key; known keys: ${GC_KEYS.join(', ')}`));
  if (!['undefined', 'boolean'].includes(typeof options.dryRun))
    issues.push(at('dryRun', 'must be true or false'));
  requireNone(issues);
}

const at = (name: string, message: string): Issue => ({
  code: 'validation.invalid_option',
  path: `options.${name.slice(0, 64)}`,
  message,
});

function requireNone(issues: readonly Issue[]): void {
  if (issues.length === 0) return;
  const lines = issues.map(({ path, message }) => `${path} ${message}`);
  throw new ValidationError('validation.invalid_job', lines.join('; '), { details: { issues } });
}
