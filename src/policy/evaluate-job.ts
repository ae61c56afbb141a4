/** Judges definitions by a policy alone: shape, then every rule. Synchronous and pure. */
import { requireUsableRules } from '../config/own-rules.js';
import { parsePolicy } from '../config/parse.js';
import { choosePolicy } from '../config/profile.js';
import type { Issue } from '../errors.js';
import { compileJob } from '../job/compile.js';
import { parseJobShape } from '../job/validate.js';
import type { PolicyDecision } from '../result.js';
import type { EvaluateOptions } from './evaluate.js';
import { type JudgedRequest, judgeRequest } from './judge.js';
import type { Policy, PolicyInput } from './policy.js';

/** What a judgement may be told besides definition and policy. */
export interface EvaluateJobOptions extends EvaluateOptions {
  /** The name of one of the policy's profiles; default: the policy itself. */
  readonly profile?: string | undefined;
}

/**
 * What policy says of a definition; `decision` is null, and `issues` says why, if its shape is invalid or there is no such profile.
 */
export interface JobEvaluation {
  readonly allowed: boolean;
  readonly issues: readonly Issue[];
  readonly decision: PolicyDecision | null;
}

/**
 * Judges a definition by a policy. Never throws for a definition.
 *
 * @throws `config.invalid` for a policy or rules that cannot be used.
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
  requireUsableRules(options.rules ?? []);
  return evaluationOf(judgeJob(definition, parsePolicy(policy), options));
}

/** A definition judged, or why it could not be. */
export type JudgedJob =
  | { readonly ok: true; readonly judged: JudgedRequest; readonly policy: Policy }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** The same with what planning needs, by a policy that is checked already. */
export function judgeJob(definition: unknown, policy: Policy, options: EvaluateJobOptions): JudgedJob {
  const chosen = choosePolicy(policy, options.profile);
  if (!chosen.ok) return { ok: false, issues: [chosen.issue] };
  const shape = parseJobShape(definition);
  if (!shape.ok) return shape;
  return {
    ok: true,
    policy: chosen.value,
    judged: judgeRequest(compileJob(shape.job), chosen.value, options),
  };
}

/** What is told of it. */
export function evaluationOf(job: JudgedJob): JobEvaluation {
  if (!job.ok) return { allowed: false, issues: job.issues, decision: null };
  const { decision } = job.judged;
  return { allowed: decision.allowed, issues: [], decision };
}

/** Every objection as one text. */
export function reasonOf({ decision, issues }: JobEvaluation): string {
  const problems = decision === null ? issues : decision.violations;
  return problems.map(({ path, message }) => `${path}: ${message}`).join('; ');
}
