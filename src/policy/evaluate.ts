/** Judges a subject by all rules, built-in and the operator's own. Pure, and never throws. */
import type { PolicyDecision, Violation } from '../result.js';
import type { Policy } from './policy.js';
import { addFinding, modeOf, type Tally } from './mode.js';
import { askOwnRule } from './own-rule.js';
import type { Caller, MaxRetry, MaxTimeouts, PolicyRule } from './rule.js';
import { BUILT_IN_RULES } from './rules/built-in.js';
import { asksForGpu, gpuRule } from './rules/gpu.js';
import { effectiveNetworkMode, networkRule } from './rules/network.js';
import type { PolicySubject } from './subject.js';

/** What rules may be told besides subject and policy. */
export interface EvaluateOptions {
  readonly rules?: readonly PolicyRule[] | undefined;
  /** Null: not known, and nothing is refused for it. */
  readonly caller?: Caller | undefined;
  /** The longest times an operator allows: `timeouts.max` of the configuration. Absent: not judged. */
  readonly maxTimeouts?: MaxTimeouts | undefined;
  /** The most an operator allows in the way of further attempts: `retry.max` of the configuration. Absent: not judged. */
  readonly maxRetry?: MaxRetry | undefined;
}

/**
 * Judges a subject. Every rule is asked, so that one decision names everything that stands in the way.
 *
 * @example
 * ```ts
 * const decision = evaluatePolicy(subject, DEFAULT_POLICY);
 * decision.violations.map(({ rule, message }) => `${rule}: ${message}`);
 * ```
 */
export function evaluatePolicy(
  subject: PolicySubject,
  policy: Policy,
  options: EvaluateOptions = {},
): PolicyDecision {
  const { caller = null, maxTimeouts = {}, maxRetry = null } = options;
  const context = { policy, caller, maxTimeouts, maxRetry };
  const tally: Tally = { rules: [], violations: [], warnings: [], audited: [] };
  for (const rule of BUILT_IN_RULES) {
    const mode = rule.isRelaxable ? modeOf(rule.id, policy) : 'enforce';
    addFinding(tally, rule.judge(subject, context), mode);
  }
  for (const [index, rule] of (options.rules ?? []).entries()) {
    const finding = askOwnRule(rule, index, subject);
    addFinding(tally, finding, modeOf(finding.outcome.rule, policy));
  }
  const { rules, violations, warnings, audited } = tally;
  const mode = effectiveNetworkMode(subject.networkMode, policy.network);
  return {
    allowed: violations.length === 0,
    violations,
    warnings,
    audited,
    rules,
    networkMode: isDenied(violations, networkRule.id) ? null : mode,
    gpu: asksForGpu(subject) && !isDenied(violations, gpuRule.id),
  };
}

function isDenied(violations: readonly Violation[], id: string): boolean {
  return violations.some(({ rule }) => rule === id);
}
