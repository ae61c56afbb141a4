/** Turns an allowed request into a plan: every value decided, every default filled in, secrets only by name. Pure. */
import { canonicalJson } from '../base/canonical-json.js';
import { jsonHash } from '../base/json-hash.js';
import { freezeMade } from '../base/deep-freeze.js';
import { proxyVariables } from '../base/proxy-variables.js';
import { normalizeAbsolutePath } from '../base/paths.js';
import type { RuntimeConfig } from '../config/runtime-config.js';
import { ValidationError } from '../errors.js';
import { denial } from '../policy/denial.js';
import { isJudged, type JudgedRequest } from '../policy/judge.js';
import type { Caller } from '../policy/rule.js';
import type {
  ContainerDraft,
  ContainerSpec,
  GpuSpec,
  Resources,
  RunRequest,
  SecretReference,
  TmpfsSpec,
} from './container-spec.js';
import { isTarget, type MountPlan, planMounts, secretFilePath } from './mount-plan.js';
import { planRetry } from './plan-retry.js';
import { type PlannedProxy, type PlannedTimeouts, PLACEHOLDER, type RunPlan } from './run-plan.js';

/** Whoever has no user of his own, as everywhere. */
const NOBODY = 65_534;
const DEFAULT_PULL_POLICIES = ['ifNotPresent'] as const;
/** What the engine itself keeps of the output: a bounded spare copy. */
const ENGINE_LOG = { maxBytesPerFile: 10_000_000, maxFiles: 2 };

/** What a plan depends on besides request and configuration. */
export interface PlanOptions {
  /** Whose uid and gid a job gets that asks for none; null or root: nobody's. */
  readonly caller: Caller;
}

/**
 * Plans a judged request.
 *
 * @throws `policy.denied` unless it was allowed, with every violation; `validation.invalid_job` for what was not judged.
 */
export function planRun(judged: JudgedRequest, config: RuntimeConfig, options: PlanOptions): RunPlan {
  if (!isJudged(judged)) {
    throw new ValidationError('validation.invalid_job', 'a plan is made only of what judgeRequest returned');
  }
  const { request, decision } = judged;
  if (!decision.allowed) throw denial(decision);
  const { container: draft } = request;
  const mounts = planMounts(request);
  const secretEnvironment = draft.environment.flatMap((variable) =>
    'secret' in variable
      ? [{ name: variable.name, secret: variable.secret, as: variable.as ?? ('env' as const) }]
      : [],
  );
  const body: Omit<RunPlan, 'planHash'> = {
    schemaVersion: 1,
    job: request.job,
    image: {
      reference: draft.image,
      pullPolicies: draft.pullPolicies.length === 0 ? DEFAULT_PULL_POLICIES : draft.pullPolicies,
      platform: draft.platform,
    },
    container: containerOf(request, mounts, config, options),
    workspaceMountPath: normalizeAbsolutePath(draft.workspaceMountPath),
    inputs: mounts.inputs,
    outputs: request.outputs,
    configFile: mounts.configFile,
    parameters: request.parameters,
    secrets: distinctSecrets(secretEnvironment.map(({ secret }) => secret)),
    secretEnvironment,
    proxyEnvironment: proxiesOf(draft, config),
    stdin: draft.stdin,
    timeouts: timeoutsOf(request, config),
    retry: planRetry(request.retry, config.retry),
    limits: {
      inputBytes: config.maxWorkspaceBytes,
      workspaceBytes: config.workspace.maxBytes,
      workspaceEntries: config.workspace.maxEntries,
      rootBytes: config.policy.security.readOnlyRootFilesystem ? null : config.policy.security.rootBytes,
      downloadBytes: config.maxDownloadBytes,
      fileBytes: config.maxFileBytes,
      uploadBytes: config.maxUploadBytes,
      outputBytes: config.outputs.maxBytes,
      entries: config.outputs.maxEntries,
      depth: config.outputs.maxDepth,
      logBytes: config.policy.limits.max.outputBytes,
    },
    volumeMask: { sizeBytes: config.policy.security.volumeBytes, inodes: config.policy.security.tmpInodes },
    decision,
  };
  // Added to the same object: a copy would be another thing to build.
  return freezeMade(Object.assign(body, { planHash: jsonHash(body) }));
}

/** Whether a plan is still what was planned. */
export function verifyPlanHash(plan: RunPlan): boolean {
  const { planHash, ...body } = plan;
  return jsonHash(body) === planHash;
}

function containerOf(
  request: RunRequest,
  { mounts }: MountPlan,
  config: RuntimeConfig,
  { caller }: PlanOptions,
): ContainerSpec {
  const { container: draft, job } = request;
  const { security } = config.policy;
  const user = resolveUser(draft.user ?? security.user, caller);
  return {
    name: PLACEHOLDER.containerName,
    image: PLACEHOLDER.imageId,
    platform: draft.platform,
    entryPoint: draft.entryPoint.length === 0 ? null : draft.entryPoint,
    command: draft.command.length === 0 && draft.entryPoint.length === 0 ? null : draft.command,
    workingDirectory: draft.workingDirectory === null ? null : normalizeAbsolutePath(draft.workingDirectory),
    environment: environmentOf(draft, proxiesOf(draft, config)),
    user: `${String(user.uid)}:${String(user.gid)}`,
    networkMode: request.container.networkMode ?? defaultNetwork(config),
    readOnlyRootFilesystem: security.readOnlyRootFilesystem,
    capabilitiesDropped: ['ALL'],
    capabilitiesAdded: security.capabilities,
    noNewPrivileges: security.noNewPrivileges,
    init: security.init,
    resources: resourcesOf(draft, config),
    gpu: gpuOf(draft),
    runtime: draft.runtime ?? security.runtime,
    mounts,
    tmpfs: tmpfsOf(draft, mounts, user, config),
    stopSignal: 'SIGTERM',
    stdin: draft.stdin !== null,
    log: ENGINE_LOG,
    labels: labelsOf(config.labelPrefix, job.slug),
  };
}

function defaultNetwork({ policy }: RuntimeConfig): ContainerSpec['networkMode'] {
  return policy.network.enforceIsolation ? 'none' : policy.network.defaultMode;
}

/** A user without a group gets the group of the same number: the engine's own default would be root's. */
function resolveUser(asked: string | null, caller: Caller): { readonly uid: number; readonly gid: number } {
  if (asked !== null) {
    const [uid = NOBODY, gid = uid] = asked.split(':').map(Number);
    return { uid, gid };
  }
  if (caller === null || caller.uid === 0) return { uid: NOBODY, gid: NOBODY };
  return { uid: caller.uid, gid: caller.gid };
}

function proxiesOf({ environment }: ContainerDraft, { engine }: RuntimeConfig): readonly PlannedProxy[] {
  return engine.dockerProxies ? proxyVariables(environment.map(({ name }) => name)) : [];
}

function environmentOf(
  draft: ContainerDraft,
  proxies: readonly PlannedProxy[],
): ContainerSpec['environment'] {
  const own = draft.environment.map((variable) => {
    const { name } = variable;
    if (!('secret' in variable)) return { name, value: variable.value };
    const { source, key } = variable.secret;
    return { name, value: variable.as === 'file' ? secretFilePath(name) : `<secret:${source}:${key}>` };
  });
  const entries = [...own, ...proxies.map(({ name, proxy }) => ({ name, value: `<proxy:${proxy}>` }))];
  // The home of an unknown uid would be `/`, which is read-only.
  const hasHome = entries.some(({ name }) => name === 'HOME');
  return hasHome ? entries : [...entries, { name: 'HOME', value: '/tmp' }];
}

/** What a job asks for over the operator's defaults; its ulimits replace those of the same name. */
function resourcesOf(draft: ContainerDraft, config: RuntimeConfig): Resources {
  const { default: defaults } = config.policy.limits;
  const asked = draft.resources;
  const names = new Set(asked.ulimits?.map(({ name }) => name));
  return {
    cpus: asked.cpus ?? defaults.cpus,
    memoryBytes: asked.memoryBytes ?? defaults.memoryBytes,
    pidsLimit: asked.pidsLimit ?? defaults.pidsLimit,
    shmBytes: asked.shmBytes ?? defaults.shmBytes,
    ulimits: [...defaults.ulimits.filter(({ name }) => !names.has(name)), ...(asked.ulimits ?? [])],
  };
}

function gpuOf({ requiresGpu, resources: { gpu } }: ContainerDraft): GpuSpec | null {
  if (gpu === undefined) return requiresGpu ? { devices: 'all', capabilities: [] } : null;
  return { devices: gpu.ids ?? gpu.count ?? 'all', capabilities: gpu.capabilities ?? [] };
}

function tmpfsOf(
  draft: ContainerDraft,
  mounts: MountPlan['mounts'],
  { uid, gid }: { readonly uid: number; readonly gid: number },
  config: RuntimeConfig,
): readonly TmpfsSpec[] {
  const { tmpBytes, tmpInodes, tmpExec } = config.policy.security;
  const asked = draft.tmpfs.map(({ path, sizeBytes }) => ({
    target: normalizeAbsolutePath(path),
    sizeBytes: sizeBytes ?? tmpBytes,
  }));
  const needsTmp = !isTarget(asked, '/tmp') && !isTarget(mounts, '/tmp');
  const all = needsTmp ? [{ target: '/tmp', sizeBytes: tmpBytes }, ...asked] : asked;
  return all.map((each) => ({ ...each, inodes: tmpInodes, uid, gid, mode: '0700', exec: tmpExec }));
}

function labelsOf(prefix: string, slug: string | null): Readonly<Record<string, string>> {
  return {
    [`${prefix}.managed`]: 'true',
    [`${prefix}.instance`]: PLACEHOLDER.instance,
    [`${prefix}.owner`]: PLACEHOLDER.owner,
    [`${prefix}.run-id`]: PLACEHOLDER.runId,
    [`${prefix}.attempt`]: PLACEHOLDER.attempt,
    [`${prefix}.job`]: slug ?? '',
    [`${prefix}.kind`]: 'job',
    [`${prefix}.spec-hash`]: PLACEHOLDER.planHash,
    [`${prefix}.created-at`]: PLACEHOLDER.createdAt,
  };
}

function timeoutsOf(request: RunRequest, config: RuntimeConfig): PlannedTimeouts {
  const { default: defaults } = config.timeouts;
  const asked = request.timeouts;
  return {
    queueMs: asked.queueMs ?? defaults.queueMs,
    pullMs: asked.pullMs ?? defaults.pullMs,
    stageMs: asked.stageMs ?? defaults.stageMs,
    secretsMs: defaults.secretsMs,
    runMs: asked.runMs ?? defaults.runMs,
    collectMs: asked.collectMs ?? defaults.collectMs,
    idleOutputMs: asked.idleOutputMs ?? defaults.idleOutputMs,
    stopGraceMs: asked.stopMs ?? config.stopGraceMs,
  };
}

function distinctSecrets(references: readonly SecretReference[]): readonly SecretReference[] {
  return [...new Map(references.map((reference) => [canonicalJson(reference), reference])).values()];
}
