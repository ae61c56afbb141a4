/** What plans under one configuration have in common, whatever the job: made once for it. Pure. */
import { lasting } from '../base/canonical-json.js';
import type { RuntimeConfig } from '../config/runtime-config.js';
import type { ResourceRequest, Resources, TimeoutsRequest } from './container-spec.js';
import { planRetry } from './plan-retry.js';
import { PLACEHOLDER, type PlannedLimits, type PlannedRetry, type PlannedTimeouts } from './run-plan.js';

/** Parts of a plan, frozen. */
export interface CommonParts {
  /** Of a job that asks for none of its own, as are the next two. */
  readonly resources: Resources;
  readonly timeouts: PlannedTimeouts;
  readonly retry: PlannedRetry;
  readonly limits: PlannedLimits;
  readonly volumeMask: { readonly sizeBytes: number; readonly inodes: number };
  /** Of a job without a slug. */
  readonly labels: Readonly<Record<string, string>>;
}

const known = new WeakMap<RuntimeConfig, CommonParts>();

/** The parts for a configuration. */
export function commonParts(config: RuntimeConfig): CommonParts {
  const parts = known.get(config) ?? makeParts(config);
  // What is not frozen may be another configuration the next time.
  if (Object.isFrozen(config)) known.set(config, parts);
  return parts;
}

function makeParts(config: RuntimeConfig): CommonParts {
  const { policy, workspace, outputs } = config;
  const { security, limits } = policy;
  return {
    resources: lasting(resourcesOver(limits.default, {})),
    timeouts: lasting(timeoutsOver(config, {})),
    retry: lasting(planRetry({}, config.retry)),
    limits: lasting({
      inputBytes: config.maxWorkspaceBytes,
      workspaceBytes: workspace.maxBytes,
      workspaceEntries: workspace.maxEntries,
      rootBytes: security.readOnlyRootFilesystem ? null : security.rootBytes,
      downloadBytes: config.maxDownloadBytes,
      fileBytes: config.maxFileBytes,
      uploadBytes: config.maxUploadBytes,
      outputBytes: outputs.maxBytes,
      entries: outputs.maxEntries,
      depth: outputs.maxDepth,
      logBytes: limits.max.outputBytes,
    }),
    volumeMask: lasting({ sizeBytes: security.volumeBytes, inodes: security.tmpInodes }),
    labels: lasting(labelsOf(config.labelPrefix)),
  };
}

/** What a job asks for over the operator's defaults; its ulimits replace those of the same name. */
export function resourcesOver(defaults: Resources, asked: ResourceRequest): Resources {
  const names = new Set(asked.ulimits?.map(({ name }) => name));
  return {
    cpus: asked.cpus ?? defaults.cpus,
    memoryBytes: asked.memoryBytes ?? defaults.memoryBytes,
    pidsLimit: asked.pidsLimit ?? defaults.pidsLimit,
    shmBytes: asked.shmBytes ?? defaults.shmBytes,
    ulimits: [...defaults.ulimits.filter(({ name }) => !names.has(name)), ...(asked.ulimits ?? [])],
  };
}

/** The times a job asks for over the operator's defaults. */
export function timeoutsOver(
  { timeouts: { default: defaults }, stopGraceMs }: Pick<RuntimeConfig, 'timeouts' | 'stopGraceMs'>,
  asked: TimeoutsRequest,
): PlannedTimeouts {
  return {
    queueMs: asked.queueMs ?? defaults.queueMs,
    pullMs: asked.pullMs ?? defaults.pullMs,
    stageMs: asked.stageMs ?? defaults.stageMs,
    secretsMs: defaults.secretsMs,
    runMs: asked.runMs ?? defaults.runMs,
    collectMs: asked.collectMs ?? defaults.collectMs,
    idleOutputMs: asked.idleOutputMs ?? defaults.idleOutputMs,
    stopGraceMs: asked.stopMs ?? stopGraceMs,
  };
}

function labelsOf(prefix: string): Readonly<Record<string, string>> {
  return {
    [`${prefix}.managed`]: 'true',
    [`${prefix}.instance`]: PLACEHOLDER.instance,
    [`${prefix}.owner`]: PLACEHOLDER.owner,
    [`${prefix}.run-id`]: PLACEHOLDER.runId,
    [`${prefix}.attempt`]: PLACEHOLDER.attempt,
    [`${prefix}.job`]: '',
    [`${prefix}.kind`]: 'job',
    [`${prefix}.spec-hash`]: PLACEHOLDER.planHash,
    [`${prefix}.created-at`]: PLACEHOLDER.createdAt,
  };
}
