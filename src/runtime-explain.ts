/** What a runtime says of a definition without running it, also to a caller whose options are wrong. Never throws. */
import type { RuntimeConfig } from './config/runtime-config.js';
import type { Issue } from './errors.js';
import { type Validation, validateJob, type ValidateOptions, type ValidJob } from './job/validate.js';
import { explainJob, type ExplainJobOptions, type Explanation } from './plan/explain.js';
import { explainOptionIssues, validateOptionIssues } from './run-option-checks.js';
import type { ExplainOptions } from './run-options.js';

/** What the runtime itself adds. */
type Surroundings = Pick<ExplainJobOptions, 'rules' | 'caller' | 'engine' | 'transport'>;

/** Shape and policy together; options that cannot be used are among the issues. */
export function validateFor(
  definition: unknown,
  config: RuntimeConfig,
  options: Pick<ValidateOptions, 'profile'>,
  judging: Pick<ValidateOptions, 'rules' | 'caller'>,
): Validation<ValidJob> {
  const issues = validateOptionIssues(options);
  if (issues.length > 0) return refused(issues, validateJob(definition, config, judging));
  return validateJob(definition, config, { profile: options.profile, ...judging });
}

/** What would be done and why; with options that cannot be used, only what is wrong. */
export function explainFor(
  definition: unknown,
  config: RuntimeConfig,
  options: ExplainOptions,
  surroundings: Surroundings,
): Explanation {
  const issues = explainOptionIssues(options);
  if (issues.length === 0) return explainJob(definition, config, { ...options, ...surroundings });
  const { rules, caller } = surroundings;
  const validation = refused(issues, validateJob(definition, config, { rules, caller }));
  return { validation, decision: null, plan: null, dockerRun: null, pending: [] };
}

/** Beside what is wrong with the definition alone. */
function refused(issues: readonly Issue[], alone: Validation<ValidJob>): Validation<ValidJob> {
  return { ok: false, issues: [...issues, ...(alone.ok ? [] : alone.issues)], warnings: alone.warnings };
}
