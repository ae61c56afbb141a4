/** Why a runtime does not take a run, as errors. It decides nothing. */
import { type Issue, RuntimeError, ValidationError } from './errors.js';
import { DISABLED_MESSAGE } from './job/validate.js';

/** `runtime.disabled` */
export function disabled(): RuntimeError {
  return new RuntimeError('runtime.disabled', DISABLED_MESSAGE, {
    hint: 'set enabled: true, or the environment variable that switches Docker jobs on',
  });
}

/** `runtime.closed` */
export function closed(): RuntimeError {
  return new RuntimeError('runtime.closed', 'the runtime is closed and takes no more runs');
}

/** `runtime.paused` */
export function paused(): RuntimeError {
  return new RuntimeError('runtime.paused', 'the runtime is paused and takes no runs for now', {
    hint: 'try again later; its operator calls resume() when it takes runs again',
  });
}

/** A definition of the wrong shape. */
export function invalid(issues: readonly Issue[]): ValidationError {
  const text = issues.map(({ path, message }) => `${path}: ${message}`).join('; ');
  return new ValidationError('validation.invalid_job', text, { details: { issues } });
}

/** Options, or a request, that cannot be used. */
export function unusable(issues: readonly Issue[]): ValidationError {
  const text = issues.map(({ path, message }) => `${path} ${message}`).join('; ');
  return new ValidationError('validation.invalid_job', text, { details: { issues } });
}
