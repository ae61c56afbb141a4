/** What a change of policy would do to definitions: refusals, warnings, and what the containers would get. Pure. */
import { DEFAULT_CONFIG } from '../config/defaults.js';
import { requireUsableRules } from '../config/own-rules.js';
import { parsePolicy } from '../config/parse.js';
import { ValidationError } from '../errors.js';
import { planRun } from '../plan/plan-run.js';
import type { RunPlan } from '../plan/run-plan.js';
import type { PolicyDecision, Violation } from '../result.js';
import { type EvaluateJobOptions, evaluationOf, type JudgedJob, judgeJob, reasonOf } from './evaluate-job.js';
import { type DataChange, dataChanges } from '../base/data-changes.js';
import type { Policy, PolicyInput } from './policy.js';

/** Bounds that are in a configuration and not in its policy. */
export type PolicyBounds = Pick<EvaluateJobOptions, 'maxTimeouts' | 'maxRetry'>;

/** What both judgements may be told, and what each of them. */
export interface DiffPoliciesOptions extends Omit<EvaluateJobOptions, keyof PolicyBounds> {
  readonly before?: PolicyBounds | undefined;
  readonly after?: PolicyBounds | undefined;
}

/** A definition to which two policies say different things. */
export interface PolicyDifference {
  /** Position in the list of definitions. */
  readonly index: number;
  readonly slug: string | null;
  /**
   * `newly_warned`: allowed by both, but the new policy warns of, or audits, what the old one had nothing against. `changed`: allowed by both
   * alike, but the container would get something else.
   */
  readonly change: 'newly_denied' | 'newly_allowed' | 'newly_warned' | 'changed';
  /** Why, in one text: by the policy that denies, the new one's warnings, or the changes. */
  readonly reason: string;
  /** What the reason is made of, rule by rule; empty for `changed`. */
  readonly violations: readonly Violation[];
  /** What a job that both allow would get: each value that differs, of its plan (`container.networkMode`) or of what policy says to its run (`policy.secrets.onLeak`). */
  readonly changes: readonly DataChange[];
}

/**
 * Which definitions a change of policy would newly refuse, let pass, warn of, or give another container. A definition of the wrong shape is no
 * difference: no policy lets it run.
 *
 * @throws `config.invalid` for a policy or rules that cannot be used; `validation.invalid_job` for a profile that neither policy has.
 * @example
 * ```ts
 * for (const { index, change, reason } of diffPolicies(current, stricter, definitions)) report(index, change, reason);
 * ```
 */
export function diffPolicies(
  before: PolicyInput,
  after: PolicyInput,
  definitions: readonly unknown[],
  options: DiffPoliciesOptions = {},
): readonly PolicyDifference[] {
  requireUsableRules(options.rules ?? []);
  const policies = { old: parsePolicy(before), now: parsePolicy(after) };
  requireProfile([policies.old.profiles, policies.now.profiles], options.profile);
  return definitions.flatMap((definition, index) => {
    const old = judgeJob(definition, policies.old, { ...options, ...options.before });
    const now = judgeJob(definition, policies.now, { ...options, ...options.after });
    const difference = differenceOf(old, now, options);
    return difference === null ? [] : [{ index, slug: slugOf(now.ok ? now : old), ...difference }];
  });
}

/** With a profile that neither has, both refuse everything, which would look like no difference. */
function requireProfile(profiles: readonly object[], profile: string | undefined): void {
  if (profile === undefined || profiles.some((known) => Object.hasOwn(known, profile))) return;
  const message = `"${profile}" is a profile of neither policy`;
  const issues = [{ code: 'validation.unknown_profile', path: 'options.profile', message }];
  throw new ValidationError('validation.invalid_job', `options.profile ${message}`, { details: { issues } });
}

type Difference = Omit<PolicyDifference, 'index' | 'slug'>;

function differenceOf(old: JudgedJob, now: JudgedJob, options: DiffPoliciesOptions): Difference | null {
  const was = evaluationOf(old);
  const is = evaluationOf(now);
  if (was.allowed !== is.allowed) {
    const denying = is.allowed ? was : is;
    const change = is.allowed ? 'newly_allowed' : 'newly_denied';
    const violations = denying.decision?.violations ?? [];
    return { change, reason: reasonOf(denying), violations, changes: [] };
  }
  if (!is.allowed || !old.ok || !now.ok) return null;
  const changes = dataChanges(appliedOf(old, options), appliedOf(now, options));
  const violations = newObjections(old.judged.decision, now.judged.decision);
  if (violations.length > 0) {
    const reason = violations.map(({ path, message }) => `${path}: ${message}`).join('; ');
    return { change: 'newly_warned', reason, violations, changes };
  }
  if (changes.length === 0) return null;
  const reason = changes
    .map(({ path, before, after }) => `${path}: ${JSON.stringify(before)} becomes ${JSON.stringify(after)}`)
    .join('; ');
  return { change: 'changed', reason, violations: [], changes };
}

/** What policy decides of a run: a part of its plan, and what is asked of policy itself while it runs. */
function appliedOf(
  { judged, policy }: JudgedJob & { readonly ok: true },
  { caller = null }: DiffPoliciesOptions,
): unknown {
  const plan = planRun(judged, { ...DEFAULT_CONFIG, policy }, { caller });
  const { container, volumeMask, limits, emptiedImageVariables = [] } = plan;
  return { container, volumeMask, limits, emptiedImageVariables, policy: askedOf(policy, plan) };
}

/** What matters to this run alone. */
function askedOf(
  { secrets, security, gpu }: Policy,
  { container, outputs, secretEnvironment }: RunPlan,
): unknown {
  const { requireAttestation, requireEnforcement, acceptUnenforced } = security;
  const hasFiles = secretEnvironment.some(({ as }) => as === 'file');
  return {
    secrets: {
      ...(outputs.length === 0 ? {} : { onLeak: secrets.onLeak }),
      ...(hasFiles ? { allowDisk: secrets.allowDisk } : {}),
    },
    security: { requireAttestation, requireEnforcement, acceptUnenforced },
    ...(container.gpu === null ? {} : { gpu: { preflight: gpu.preflight } }),
  };
}

/** By rule and place: a warning whose words alone have changed is not new. */
function newObjections(old: PolicyDecision, now: PolicyDecision): readonly Violation[] {
  const keyOf = ({ rule, path }: Violation): string => `${rule} ${path}`;
  const known = new Set([...old.warnings, ...old.audited].map(keyOf));
  return [...now.warnings, ...now.audited].filter((violation) => !known.has(keyOf(violation)));
}

function slugOf(job: JudgedJob): string | null {
  return job.ok ? job.judged.request.job.slug : null;
}
