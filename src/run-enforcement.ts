/** Refuses a run that was promised a limit which cannot be relied on. It examines nothing. */
import { limitsOfContainer } from './doctor/demanded-limits.js';
import { unmetLimits } from './doctor/unmet-limits.js';
import { PolicyError } from './errors.js';
import type { RunPlan } from './plan/run-plan.js';
import type { Run } from './run-context.js';

/**
 * Before anything is done.
 *
 * @throws `policy.unenforceable` with `details.limits`.
 */
export function requireEnforced({ examined, config }: Run, { container }: RunPlan): void {
  const unmet = unmetLimits(limitsOfContainer(container), config.policy.security, examined());
  if (unmet === null) return;
  throw new PolicyError('policy.unenforceable', unmet.message, {
    hint: 'see what doctor() says of them; the operator may accept them by name in policy.security.acceptUnenforced',
    details: { limits: unmet.limits },
  });
}
