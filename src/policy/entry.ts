/** What `berthkit/policy` exports: judging definitions without an engine. Synchronous, pure, no I/O. */
import type { Issue } from '../errors.js';
import { compileJob } from '../job/compile.js';
import { parseJobShape } from '../job/validate.js';
import { parsePolicy } from '../config/parse.js';
import type { PolicyDecision } from '../result.js';
import { judgeRequest } from './judge.js';
import type { PolicyInput } from './policy.js';
import type { Caller, PolicyRule } from './rule.js';

export { parsePolicy } from '../config/parse.js';
export { DEFAULT_POLICY } from './defaults.js';
export { evaluatePolicy, type EvaluateOptions } from './evaluate.js';
export type * from './policy.js';
export { evaluateImagePolicy, type ImageDecision } from './rules/image.js';
export type { Caller, MaxRetry, MaxTimeouts, PolicyRule } from './rule.js';
export type * from './subject.js';
export type * from '../result.js';
export type * from '../plan/container-spec.js';
export type { Issue } from '../errors.js';

/** What a judgement may be told besides definition and policy. */
export interface EvaluateJobOptions {
  readonly rules?: readonly PolicyRule[] | undefined;
  /** Whose uid and gid files can be given to; null or absent: not judged. */
  readonly caller?: Caller | undefined;
}

/** What policy says of a definition; `decision` is null, and `issues` says why, if its shape is invalid. */
export interface JobEvaluation {
  readonly allowed: boolean;
  readonly issues: readonly Issue[];
  readonly decision: PolicyDecision | null;
}

/**
 * Judges a definition by a policy. Never throws for a definition.
 *
 * @throws `config.invalid` for a policy that cannot be used.
 * @example
 * ```ts
 * const { allowed, decision } = evaluateJob(
 *   { docker: { image: 'busybox:1' } },
 *   { images: { allow: ['busybox:*'] } },
 * );
 * ```
 */
export function evaluateJob(
  definition: unknown,
  policy: PolicyInput,
  options: EvaluateJobOptions = {},
): JobEvaluation {
  const parsed = parsePolicy(policy);
  const shape = parseJobShape(definition);
  if (!shape.ok) return { allowed: false, issues: shape.issues, decision: null };
  const { decision } = judgeRequest(compileJob(shape.job), parsed, options);
  return { allowed: decision.allowed, issues: [], decision };
}

/** What a policy is expected to say. */
export interface PolicyCase {
  readonly name: string;
  readonly definition: unknown;
  readonly allowed: boolean;
  /** Rules that must be among the violations. */
  readonly rules?: readonly string[] | undefined;
}

/** What became of one expectation. */
export interface PolicyCaseResult {
  readonly name: string;
  readonly passed: boolean;
  /** What was expected and what came; null when it passed. */
  readonly problem: string | null;
}

/** Holds a policy against expectations, for an operator's own tests. */
export function testPolicy(
  policy: PolicyInput,
  cases: readonly PolicyCase[],
  options: EvaluateJobOptions = {},
): readonly PolicyCaseResult[] {
  return cases.map(({ name, definition, allowed, rules = [] }) => {
    const evaluation = evaluateJob(definition, policy, options);
    const violated = new Set(evaluation.decision?.violations.map(({ rule }) => rule));
    const missing = rules.filter((rule) => !violated.has(rule));
    const words = (value: boolean): string => (value ? 'allowed' : 'denied');
    const problem =
      evaluation.allowed !== allowed
        ? `expected ${words(allowed)}, but it is ${words(evaluation.allowed)}: ${reasonOf(evaluation)}`
        : missing.length > 0
          ? `expected violations of ${missing.join(', ')}, but there are ${[...violated].join(', ') || 'none'}`
          : null;
    return { name, passed: problem === null, problem };
  });
}

/** A definition on which two policies disagree. */
export interface PolicyDifference {
  /** Position in the list of definitions. */
  readonly index: number;
  readonly change: 'newly_denied' | 'newly_allowed';
  /** Why it is denied, under the policy that denies it. */
  readonly reason: string;
}

/** Which definitions a change of policy would newly refuse or newly let pass. */
export function diffPolicies(
  before: PolicyInput,
  after: PolicyInput,
  definitions: readonly unknown[],
  options: EvaluateJobOptions = {},
): readonly PolicyDifference[] {
  return definitions.flatMap((definition, index): readonly PolicyDifference[] => {
    const old = evaluateJob(definition, before, options);
    const now = evaluateJob(definition, after, options);
    if (old.allowed === now.allowed) return [];
    return now.allowed
      ? [{ index, change: 'newly_allowed', reason: reasonOf(old) }]
      : [{ index, change: 'newly_denied', reason: reasonOf(now) }];
  });
}

function reasonOf({ decision, issues }: JobEvaluation): string {
  const problems = decision === null ? issues : decision.violations;
  return problems.map(({ path, message }) => `${path}: ${message}`).join('; ');
}
