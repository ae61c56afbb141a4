/** Refuses a run that was promised a limit which the engine was seen not to enforce. It examines nothing. */
import { limitsOfContainer } from './doctor/demanded-limits.js';
import { PolicyError } from './errors.js';
import type { RunPlan } from './plan/run-plan.js';
import type { Run } from './run-context.js';

/**
 * Before anything is done.
 *
 * @throws `policy.unenforceable` with `details.limits`.
 */
export function requireEnforced({ unenforced, config }: Run, plan: RunPlan): void {
  const accepted = config.policy.security.acceptUnenforced;
  const promised = limitsOfContainer(plan.container);
  const missing = unenforced().filter((limit) => promised.includes(limit) && !accepted.includes(limit));
  if (missing.length === 0) return;
  const names = missing.join(', ');
  throw new PolicyError('policy.unenforceable', `policy demands what the engine does not enforce: ${names}`, {
    hint: 'see what doctor() says of them; the operator may accept them by name in policy.security.acceptUnenforced',
    details: { limits: missing },
  });
}
