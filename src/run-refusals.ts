/** Why a run is not taken because of another one, as errors. It decides nothing. */
import { type Issue, ValidationError } from './errors.js';

/** The id of a run that is under way. */
export function takenRunId(runId: string): ValidationError {
  return refused('runId', 'run_id_taken', `"${runId}" is the id of a run that is under way`);
}

/** The key of another request. */
export function reusedKey(runId: string): ValidationError {
  const message = `stands for another request, that of run "${runId}"`;
  return refused('idempotencyKey', 'idempotency_key_reused', message, 'give another request another key');
}

function refused(option: string, code: string, message: string, hint?: string): ValidationError {
  const path = `options.${option}`;
  const issues: Issue[] = [{ code: `validation.${code}`, path, message }];
  return new ValidationError('validation.invalid_job', `${path} ${message}`, { hint, details: { issues } });
}
