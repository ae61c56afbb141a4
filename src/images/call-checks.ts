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
    ...(problem === null
      ? []
      : [{ code: 'validation.invalid_option', path: 'options.timeoutMs', message: problem }]),
  ];
  if (issues.length === 0) return;
  const lines = issues.map(({ path, message }) => `${path} ${message}`);
  throw new ValidationError('validation.invalid_job', lines.join('; '), { details: { issues } });
}
