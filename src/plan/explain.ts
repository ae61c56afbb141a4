/** What would be done with a definition and why, without an engine. Pure, and never throws. */
import { freezeMade } from '../base/deep-freeze.js';
import type { RuntimeConfig, TransportSetting } from '../config/runtime-config.js';
import type { CompileOptions } from '../job/compile.js';
import {
  disabled,
  judgeJob,
  readJob,
  type Validation,
  validationOf,
  type ValidJob,
} from '../job/validate.js';
import type { Caller, PolicyRule } from '../policy/rule.js';
import type { PolicyDecision } from '../result.js';
import { type KnownEngine, needNotes } from './engine-needs.js';
import { toDockerRunLine } from './docker-run-line.js';
import { planRun } from './plan-run.js';
import { PLACEHOLDER, type RunPlan } from './run-plan.js';
import { transportNotes } from './transport-notes.js';

/** Everything that can be said of a definition before it runs. */
export interface Explanation {
  readonly validation: Validation<ValidJob>;
  /** Null if the shape is invalid. */
  readonly decision: PolicyDecision | null;
  /** Null if denied. */
  readonly plan: RunPlan | null;
  /** The nearest `docker run` line, secrets as names; null if denied. */
  readonly dockerRun: string | null;
  /** What only the image, the engine, or the host when it runs, can tell. */
  readonly pending: readonly string[];
}

/** What an explanation may be told besides the definition. */
export interface ExplainJobOptions extends CompileOptions {
  readonly caller?: Caller | undefined;
  readonly rules?: readonly PolicyRule[] | undefined;
  /** The name of one of `policy.profiles`; default: the policy itself. */
  readonly profile?: string | undefined;
  /** What the engine told of itself; null or absent: nothing yet. */
  readonly engine?: KnownEngine | null | undefined;
  /** The way of files into the container where it was found out; default: as configured. */
  readonly transport?: TransportSetting | undefined;
}

/** Explains a definition under a configuration; also under one that is disabled. */
export function explainJob(
  definition: unknown,
  config: RuntimeConfig,
  options: ExplainJobOptions = {},
): Explanation {
  const { rules, caller = null, profile, engine = null, transport, ...asked } = options;
  const nothing = { decision: null, plan: null, dockerRun: null, pending: [] };
  const read = readJob(definition, config, profile);
  if (!read.ok) return { validation: config.enabled ? read : disabled(), ...nothing };
  const judged = judgeJob(read, { ...asked, rules, caller });
  const { decision } = judged;
  // A validation is of the definition alone: judged apart only if the options ask for what policy looks at.
  const isAlone = asked.timeoutMs === undefined && asked.timeouts === undefined && asked.retry === undefined;
  const own = isAlone ? decision : judgeJob(read, { rules, caller }).decision;
  const validation = config.enabled ? validationOf(read, own) : disabled();
  if (!decision.allowed) return { validation, ...nothing, decision };
  const plan = planRun(judged, read.config, { caller });
  return freezeMade({
    validation,
    decision,
    plan,
    dockerRun: toDockerRunLine(plan),
    pending: [
      ...pendingOf(plan),
      ...needNotes(plan, read.config, engine),
      ...transportNotes(plan, transport ?? config.workspace.transport, engine),
    ],
  });
}

function pendingOf({
  container,
  volumeMask,
  secretEnvironment,
  proxyEnvironment,
  emptiedImageVariables = [],
}: RunPlan): readonly string[] {
  const size = String(volumeMask.sizeBytes);
  const pending = [
    `each VOLUME of the image is covered by a tmpfs of ${size} bytes, unless it is a mount or in the workspace`,
  ];
  if (secretEnvironment.some(({ as }) => as === 'file')) {
    pending.push(`${PLACEHOLDER.secrets} is a folder in the memory of this host, made when the run begins`);
  }
  if (proxyEnvironment.length > 0) {
    const names = proxyEnvironment.map(({ name }) => name).join(', ');
    pending.push(
      `${names}: each is set where Docker's client configuration has that proxy when the run begins`,
    );
  }
  if (emptiedImageVariables.length > 0)
    pending.push(
      `each variable of the image that matches ${emptiedImageVariables.join(', ')} is empty, unless the job sets it`,
    );
  if (container.entryPoint === null) pending.push("the entry point is the image's own");
  if (container.command === null) pending.push("the command is the image's own");
  if (container.workingDirectory === null) pending.push("the working directory is the image's own");
  return pending;
}
