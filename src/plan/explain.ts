/** What would be done with a definition and why, without an engine. Pure, and never throws. */
import { isJson } from '../base/canonical-json.js';
import { deepFreeze } from '../base/deep-freeze.js';
import { chooseConfig } from '../config/profile.js';
import type { RuntimeConfig } from '../config/runtime-config.js';
import { compileJob, type CompileOptions } from '../job/compile.js';
import { parseJobShape, validateJob, type Validation, type ValidJob } from '../job/validate.js';
import { judgeRequest } from '../policy/judge.js';
import type { Caller, PolicyRule } from '../policy/rule.js';
import type { PolicyDecision } from '../result.js';
import { toDockerRunLine } from './docker-run-line.js';
import { planRun } from './plan-run.js';
import { PLACEHOLDER, type RunPlan } from './run-plan.js';

/** Everything that can be said of a definition before it runs. */
export interface Explanation {
  readonly validation: Validation<ValidJob>;
  /** Null if the shape is invalid. */
  readonly decision: PolicyDecision | null;
  /** Null if denied. */
  readonly plan: RunPlan | null;
  /** The nearest `docker run` line, secrets as names; null if denied. */
  readonly dockerRun: string | null;
  /** What only the image, or the host when it runs, can tell. */
  readonly pending: readonly string[];
}

/** What an explanation may be told besides the definition. */
export interface ExplainJobOptions extends CompileOptions {
  readonly caller?: Caller | undefined;
  readonly rules?: readonly PolicyRule[] | undefined;
  /** The name of one of `policy.profiles`; default: the policy itself. */
  readonly profile?: string | undefined;
}

/** Explains a definition under a configuration; also under one that is disabled. */
export function explainJob(
  definition: unknown,
  config: RuntimeConfig,
  options: ExplainJobOptions = {},
): Explanation {
  const { rules, caller = null, profile } = options;
  const validation = validateJob(definition, config, { rules, caller, profile });
  const nothing = { decision: null, plan: null, dockerRun: null, pending: [] };
  const chosen = chooseConfig(config, profile);
  const shape = parseJobShape(definition);
  if (!chosen.ok || !shape.ok) return { validation, ...nothing };
  const { policy, timeouts } = chosen.value;
  if (!isJson(options.parameters ?? null)) {
    const issues = [
      { code: 'validation.invalid_option', path: 'options.parameters', message: 'must be JSON values only' },
    ];
    return { validation: { ok: false, issues, warnings: shape.warnings }, ...nothing };
  }
  const request = compileJob(shape.job, options);
  const judged = judgeRequest(request, policy, {
    rules,
    caller,
    maxTimeouts: timeouts.max,
    maxRetry: config.retry.max,
  });
  if (!judged.decision.allowed) return { validation, ...nothing, decision: judged.decision };
  const plan = planRun(judged, chosen.value, { caller });
  const dockerRun = toDockerRunLine(plan);
  return deepFreeze({ validation, decision: judged.decision, plan, dockerRun, pending: pendingOf(plan) });
}

function pendingOf({ container, volumeMask, secretEnvironment }: RunPlan): readonly string[] {
  const size = String(volumeMask.sizeBytes);
  const pending = [
    `each VOLUME of the image is covered by a tmpfs of ${size} bytes, unless it is a mount or in the workspace`,
  ];
  if (secretEnvironment.some(({ as }) => as === 'file')) {
    pending.push(`${PLACEHOLDER.secrets} is a folder in the memory of this host, made when the run begins`);
  }
  if (container.entryPoint === null) pending.push("the entry point is the image's own");
  if (container.command === null) pending.push("the command is the image's own");
  if (container.workingDirectory === null) pending.push("the working directory is the image's own");
  return pending;
}
