/** What becomes of a rule's objections under its mode. No judgement of its own. */
import type { RuleOutcome, Violation } from '../result.js';
import type { Policy, PolicyMode } from './policy.js';
import type { RuleFinding } from './rule.js';

/** What one rule adds to a decision. */
export interface RuleShare {
  readonly outcome: RuleOutcome;
  readonly violations: readonly Violation[];
  readonly warnings: readonly Violation[];
  readonly audited: readonly Violation[];
}

/** The mode of a rule: its own if there is one, else that of the policy. */
export function modeOf(rule: string, { mode, modes }: Pick<Policy, 'mode' | 'modes'>): PolicyMode {
  return (Object.hasOwn(modes, rule) ? modes[rule] : undefined) ?? mode;
}

/** What a finding comes to in a mode. Whatever is not plainly `warn` or `audit` is enforced. */
export function applyMode(finding: RuleFinding, mode: PolicyMode): RuleShare {
  const { outcome, violations: all } = finding;
  const silent: RuleShare = { outcome, violations: [], warnings: [], audited: [] };
  if (all.length === 0) return silent;
  switch (finding.isAlwaysEnforced === true ? 'enforce' : mode) {
    case 'audit':
      return { ...silent, outcome: { ...outcome, outcome: 'audited' }, audited: all };
    case 'warn': {
      const warnings = all.map((violation) => ({ ...violation, severity: 'warning' as const }));
      return { ...silent, outcome: { ...outcome, outcome: 'warned' }, warnings };
    }
    default:
      return {
        ...silent,
        violations: all.filter(({ severity }) => severity === 'error'),
        warnings: all.filter(({ severity }) => severity === 'warning'),
      };
  }
}
