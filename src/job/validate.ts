/** Whether a definition has the right shape and policy lets it run. Never throws. */
import { freezeMade } from '../base/deep-freeze.js';
import { nearestName } from '../base/nearest-name.js';
import { chooseConfig } from '../config/profile.js';
import type { RuntimeConfig } from '../config/runtime-config.js';
import type { Issue } from '../errors.js';
import { toIssue } from '../policy/denial.js';
import { judgeFrozen, type JudgedRequest, judgeRequest } from '../policy/judge.js';
import type { Caller, PolicyRule } from '../policy/rule.js';
import type { PolicyDecision } from '../result.js';
import { compileJob, type CompileOptions } from './compile.js';
import { crossIssues } from './cross-checks.js';
import { placeholderWarnings } from './placeholder-warnings.js';
import { NotPlainError, plainCopy } from './plain-copy.js';
import { jobSchema, topLevelKeys } from './schema.js';
import { toIssues } from './schema-issues.js';
import type { ValidJob } from './valid-job.js';

export type { ValidJob } from './valid-job.js';

/** The outcome of a validation. Warnings keep nothing from running. */
export type Validation<T> =
  | { readonly ok: true; readonly job: T; readonly warnings: readonly Issue[] }
  | { readonly ok: false; readonly issues: readonly Issue[]; readonly warnings: readonly Issue[] };

/** What a validation may be told besides definition and configuration. */
export interface ValidateOptions {
  /** Whose uid and gid files can be given to; null or absent: not judged. */
  readonly caller?: Caller | undefined;
  readonly rules?: readonly PolicyRule[] | undefined;
  /** The name of one of `policy.profiles`; default: the policy itself. */
  readonly profile?: string | undefined;
}

/** What a runtime that is switched off says, in the words of the Docker Job Runtime document. */
export const DISABLED_MESSAGE = 'Docker job runtime is disabled in this environment.';

/**
 * Checks shape (`validation.…`) and, once that is right, policy (`policy.…`). A runtime that is switched off gives one issue, `runtime.disabled`.
 *
 * @example
 * ```ts
 * const validation = validateJob({ docker: { image: 'busybox:1' } }, parseConfig());
 * if (!validation.ok) for (const { path, message } of validation.issues) report(path, message);
 * ```
 */
export function validateJob(
  definition: unknown,
  config: RuntimeConfig,
  options: ValidateOptions = {},
): Validation<ValidJob> {
  if (!config.enabled) return disabled();
  const read = readJob(definition, config, options.profile);
  return read.ok ? validationOf(read, judgeJob(read, options).decision) : read;
}

/** The validation of whatever it be under a runtime that is switched off. */
export function disabled(): Validation<never> {
  return {
    ok: false,
    issues: [{ code: 'runtime.disabled', path: '', message: DISABLED_MESSAGE }],
    warnings: [],
  };
}

/** A job of the right shape, and the configuration with the policy that was chosen for it; or what is wrong with either. */
export type ReadJob =
  | {
      readonly ok: true;
      readonly job: ValidJob;
      readonly config: RuntimeConfig;
      readonly warnings: readonly Issue[];
    }
  | { readonly ok: false; readonly issues: readonly Issue[]; readonly warnings: readonly Issue[] };

/** All of a validation that comes before policy. */
export function readJob(definition: unknown, config: RuntimeConfig, profile: string | undefined): ReadJob {
  const chosen = chooseConfig(config, profile);
  const shape = parseJobShape(definition);
  const { warnings } = shape;
  if (chosen.ok && shape.ok) return { ok: true, job: shape.job, config: chosen.value, warnings };
  const issues = [...(chosen.ok ? [] : [chosen.issue]), ...(shape.ok ? [] : shape.issues)];
  return { ok: false, issues, warnings };
}

/** Policy's share of a validation, with what the caller asks for beside the definition. */
export function judgeJob(
  { job, config }: Extract<ReadJob, { ok: true }>,
  { rules, caller, ...asked }: Pick<ValidateOptions, 'rules' | 'caller'> & CompileOptions,
): JudgedRequest {
  // Without parameters of the caller's, nothing in the request is anybody else's, and all of it is frozen.
  const judge = asked.parameters === undefined ? judgeFrozen : judgeRequest;
  return judge(compileJob(job, asked), config.policy, {
    rules,
    caller,
    maxTimeouts: config.timeouts.max,
    maxRetry: config.retry.max,
  });
}

/** What a validation says of a job and the decision about it. */
export function validationOf(
  { job, warnings }: Extract<ReadJob, { ok: true }>,
  decision: PolicyDecision,
): Validation<ValidJob> {
  const all = [...warnings, ...decision.warnings.map(toIssue)];
  return decision.allowed
    ? { ok: true, job, warnings: all }
    : { ok: false, issues: decision.violations.map(toIssue), warnings: all };
}

/** Checks the shape alone. */
export function parseJobShape(definition: unknown): Validation<ValidJob> {
  try {
    const { known, warnings } = readKnownKeys(definition);
    const parsed = jobSchema().safeParse(known);
    if (!parsed.success) return { ok: false, issues: shapeIssues(known), warnings };
    const issues = crossIssues(parsed.data);
    if (issues.length > 0) return { ok: false, issues, warnings };
    const job = freezeMade(parsed.data) as ValidJob;
    return { ok: true, job, warnings: warnings.concat(placeholderWarnings(parsed.data)) };
  } catch (error) {
    // What a getter of a stranger's throws is not repeated: it could hold anything.
    const { path, message } = NotPlainError.read(error) ?? UNREADABLE;
    const issue: Issue = { code: 'validation.unreadable', path: path.join('.'), message };
    return { ok: false, issues: [issue], warnings: [] };
  }
}

/** Reads once more what was found to be wrong: what stands in its place is told with each issue, which costs those that are right too much. */
const shapeIssues = (known: unknown): readonly Issue[] =>
  toIssues(jobSchema().safeParse(known, { reportInput: true }).error?.issues ?? []);

const UNREADABLE = { path: [], message: 'the definition cannot be read as plain data' };

interface KnownKeys {
  readonly known: unknown;
  readonly warnings: readonly Issue[];
}

/** A plain copy of the keys we know; the others pass through unread, but one that looks like a misspelt one is a warning. */
function readKnownKeys(definition: unknown): KnownKeys {
  if (typeof definition !== 'object' || definition === null || Array.isArray(definition)) {
    return { known: definition, warnings: [] };
  }
  const known: Record<string, unknown> = {};
  const warnings: Issue[] = [];
  for (const key of Object.keys(definition)) {
    if (topLevelKeys().includes(key)) {
      known[key] = plainCopy((definition as Readonly<Record<string, unknown>>)[key], [key]);
      continue;
    }
    const nearest = nearestName(key, topLevelKeys());
    if (nearest === undefined) continue;
    const message = `is passed over; did you mean "${nearest}"?`;
    warnings.push({ code: 'validation.unknown_key', path: key, message });
  }
  return { known, warnings };
}
