/** What a refusal by policy says: the same to whoever asks for its issues, its violations, or the decision. */
import { type Issue, PolicyError } from '../errors.js';
import type { PolicyDecision, Violation } from '../result.js';

/** A violation as one of the issues of a validation. */
export const toIssue = ({ rule, path, message, hint }: Violation): Issue => ({
  code: rule,
  path,
  message,
  hint: hint ?? undefined,
});

/** `policy.denied`, for the violations of a decision. */
export function denial(decision: PolicyDecision): PolicyError {
  return denialOf(decision.violations, { decision });
}

/** `policy.denied`, for violations that were found outside of a decision. */
export function denialOf(
  violations: readonly Violation[],
  details: Readonly<Record<string, unknown>> = {},
): PolicyError {
  const message = violations.map(({ path, message: text }) => `${path}: ${text}`).join('; ');
  const hint = violations.find((violation) => violation.hint !== null)?.hint ?? undefined;
  const issues = violations.map(toIssue);
  return new PolicyError('policy.denied', message, { hint, details: { issues, violations, ...details } });
}
