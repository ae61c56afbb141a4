/** Judges a subject by all rules, built-in and the operator's own. Pure, and never throws. */
import type { PolicyDecision, RuleOutcome, Violation } from '../result.js';
import type { Policy } from './policy.js';
import {
  allowed,
  type BuiltInRule,
  type Caller,
  deniedBy,
  type MaxRetry,
  type MaxTimeouts,
  type PolicyRule,
  type RuleFinding,
} from './rule.js';
import { secretDeliveryRule, secretsRule, storageRule } from './rules/access.js';
import { environmentRule, mountsRule, userRule } from './rules/container.js';
import { imageDigestRule, imageRule, pullPolicyRule } from './rules/image.js';
import { resourcesRule, retryRule, timeoutsRule } from './rules/limits.js';
import { effectiveNetworkMode, gpuRule, networkRule } from './rules/network.js';
import type { PolicySubject } from './subject.js';

const BUILT_IN: readonly BuiltInRule[] = [
  imageRule,
  imageDigestRule,
  pullPolicyRule,
  networkRule,
  gpuRule,
  resourcesRule,
  timeoutsRule,
  retryRule,
  userRule,
  mountsRule,
  environmentRule,
  secretsRule,
  secretDeliveryRule,
  storageRule,
];

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
  const findings = [
    ...BUILT_IN.map((rule) => rule.judge(subject, context)),
    ...(options.rules ?? []).map((rule) => askOwnRule(rule, subject)),
  ];
  const all = findings.flatMap((finding) => finding.violations);
  const violations = all.filter(({ severity }) => severity === 'error');
  const isDenied = (id: string): boolean => violations.some(({ rule }) => rule === id);
  return {
    allowed: violations.length === 0,
    violations,
    warnings: all.filter(({ severity }) => severity === 'warning'),
    rules: findings.map(({ outcome }) => outcome),
    networkMode: isDenied(networkRule.id) ? null : effectiveNetworkMode(subject.networkMode, policy.network),
    gpu: subject.requiresGpu && !isDenied(gpuRule.id),
  };
}

/** A rule that throws, or answers with something else than violations, denies: it was meant to protect something. */
function askOwnRule(rule: PolicyRule, subject: PolicySubject): RuleFinding {
  const refuse = (message: string): RuleFinding => deniedBy(rule.id, [{ path: 'docker', message }], message);
  let answer: unknown;
  try {
    answer = rule.evaluate(subject);
  } catch {
    return refuse(`rule ${rule.id} failed, and a rule that fails denies`);
  }
  if (!Array.isArray(answer) || !answer.every(isViolation)) {
    return refuse(`rule ${rule.id} did not answer with a list of violations`);
  }
  const violations: readonly Violation[] = answer.map((violation) => ({ ...violation, rule: rule.id }));
  const first = violations[0];
  if (first === undefined) return allowed(rule.id, 'the rule has no objection');
  const isError = violations.some(({ severity }) => severity === 'error');
  const outcome: RuleOutcome = {
    rule: rule.id,
    outcome: isError ? 'denied' : 'warned',
    reason: first.message,
  };
  return { outcome, violations };
}

function isViolation(value: unknown): value is Violation {
  if (typeof value !== 'object' || value === null) return false;
  const { path, message, severity } = value as Partial<Record<keyof Violation, unknown>>;
  return (
    typeof path === 'string' &&
    typeof message === 'string' &&
    (severity === 'error' || severity === 'warning')
  );
}
