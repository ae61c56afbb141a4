/** Holds a policy against expectations, for an operator's own tests. Pure. */
import { requireUsableRules } from '../config/own-rules.js';
import { parsePolicy } from '../config/parse.js';
import {
  type EvaluateJobOptions,
  evaluationOf,
  type JobEvaluation,
  judgeJob,
  reasonOf,
} from './evaluate-job.js';
import type { PolicyInput } from './policy.js';

/** What a policy is expected to say. */
export interface PolicyCase {
  readonly name: string;
  readonly definition: unknown;
  readonly allowed: boolean;
  /** Rules that must be among the violations. */
  readonly rules?: readonly string[] | undefined;
  /** Rules that must be among the warnings, or among what is only audited. */
  readonly warned?: readonly string[] | undefined;
  /** Wins over the profile of the options. */
  readonly profile?: string | undefined;
}

/** What became of one expectation. */
export interface PolicyCaseResult {
  readonly name: string;
  readonly passed: boolean;
  /** What was expected and what came; null when it passed. */
  readonly problem: string | null;
}

/**
 * Holds a policy against expectations. A definition of the wrong shape never passes: policy had no say in it.
 *
 * @throws `config.invalid` for a policy or rules that cannot be used.
 * @example
 * ```ts
 * const failed = testPolicy({ images: { allow: ['busybox:*'] } }, [
 *   { name: 'others do not run', definition: { docker: { image: 'evil:1' } }, allowed: false, rules: ['policy.image'] },
 * ]).filter(({ passed }) => !passed);
 * ```
 */
export function testPolicy(
  policy: PolicyInput,
  cases: readonly PolicyCase[],
  options: EvaluateJobOptions = {},
): readonly PolicyCaseResult[] {
  requireUsableRules(options.rules ?? []);
  const parsed = parsePolicy(policy);
  return cases.map((each) => {
    const profile = each.profile ?? options.profile;
    const problem = problemOf(each, evaluationOf(judgeJob(each.definition, parsed, { ...options, profile })));
    return { name: each.name, passed: problem === null, problem };
  });
}

function problemOf(expected: PolicyCase, evaluation: JobEvaluation): string | null {
  const { allowed, rules = [], warned = [] } = expected;
  const { decision } = evaluation;
  if (decision === null) return `the definition could not be judged: ${reasonOf(evaluation)}`;
  if (evaluation.allowed !== allowed) {
    return allowed
      ? `expected allowed, but it is denied: ${reasonOf(evaluation)}`
      : 'expected denied, but it is allowed';
  }
  const violated = decision.violations.map(({ rule }) => rule);
  const objecting = [...decision.warnings, ...decision.audited].map(({ rule }) => rule);
  return missing('violations', rules, violated) ?? missing('warnings', warned, objecting);
}

function missing(what: string, expected: readonly string[], found: readonly string[]): string | null {
  const absent = expected.filter((rule) => !found.includes(rule));
  if (absent.length === 0) return null;
  return `expected ${what} of ${absent.join(', ')}, but there are ${[...new Set(found)].join(', ') || 'none'}`;
}
