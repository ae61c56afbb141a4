/** What becomes of a rule's objections under its mode. No judgement of its own. */
import type { RuleOutcome, Violation } from '../result.js';
import type { Policy, PolicyMode } from './policy.js';
import type { RuleFinding } from './rule.js';

/** What all rules together say. */
export interface Tally {
  readonly rules: RuleOutcome[];
  readonly violations: Violation[];
  readonly warnings: Violation[];
  readonly audited: Violation[];
}

/** The mode of a rule: its own if there is one, else that of the policy. */
export function modeOf(rule: string, { mode, modes }: Pick<Policy, 'mode' | 'modes'>): PolicyMode {
  return (Object.hasOwn(modes, rule) ? modes[rule] : undefined) ?? mode;
}

/** Adds what a finding comes to in a mode. Whatever is not plainly `warn` or `audit` is enforced. */
export function addFinding(tally: Tally, finding: RuleFinding, mode: PolicyMode): void {
  const { outcome, violations } = finding;
  if (violations.length === 0) {
    tally.rules.push(outcome);
    return;
  }
  switch (finding.isAlwaysEnforced === true ? 'enforce' : mode) {
    case 'audit':
      tally.rules.push({ ...outcome, outcome: 'audited' });
      tally.audited.push(...violations);
      return;
    case 'warn':
      tally.rules.push({ ...outcome, outcome: 'warned' });
      tally.warnings.push(...violations.map((each) => ({ ...each, severity: 'warning' as const })));
      return;
    default:
      tally.rules.push(outcome);
      tally.violations.push(...violations.filter(({ severity }) => severity === 'error'));
      tally.warnings.push(...violations.filter(({ severity }) => severity === 'warning'));
  }
}
