/** Turns an allowed request into a plan: every value decided, every default filled in, secrets only by name. Pure. */
import { canonicalJson, lasting } from '../base/canonical-json.js';
import { jsonHash } from '../base/json-hash.js';
import { freezeMade } from '../base/deep-freeze.js';
import { proxyVariables } from '../base/proxy-variables.js';
import { normalizeAbsolutePath } from '../base/paths.js';
import type { RuntimeConfig } from '../config/runtime-config.js';
import { ValidationError } from '../errors.js';
import { denial } from '../policy/denial.js';
import { isJudged, type JudgedRequest } from '../policy/judge.js';
import type { Caller } from '../policy/rule.js';
import { type CommonParts, commonParts, resourcesOver, timeoutsOver } from './common-parts.js';
import type {
  ContainerDraft,
  ContainerSpec,
  EnvironmentVariable,
  GpuSpec,
  RunRequest,
  SecretReference,
  TmpfsSpec,
} from './container-spec.js';
import { isTarget, planMounts, secretFilePath } from './mount-plan.js';
import { planRetry } from './plan-retry.js';
import { type PlannedProxy, type PlannedSecret, PLACEHOLDER, type RunPlan } from './run-plan.js';

/** Whoever has no user of his own, as everywhere. */
const NOBODY = 65_534;
const DEFAULT_PULL_POLICIES = lasting(['ifNotPresent'] as const);
const HOME = lasting({ name: 'HOME', value: '/tmp' });
const ALL_CAPABILITIES = lasting(['ALL'] as const);
/** What the engine itself keeps of the output: a bounded spare copy. */
const ENGINE_LOG = lasting({ maxBytesPerFile: 10_000_000, maxFiles: 2 });

/** What a container is made of besides its request and configuration. */
interface ContainerParts {
  readonly common: CommonParts;
  readonly mounts: ContainerSpec['mounts'];
  readonly proxyEnvironment: readonly PlannedProxy[];
}

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
  const common = commonParts(config);
  const { mounts, inputs, configFile } = planMounts(request);
  const secretEnvironment = secretsIn(draft);
  const proxyEnvironment = proxiesFor(draft, config);
  const { emptiedImageVariables } = config.policy.security;
  const body: Omit<RunPlan, 'planHash'> = {
    schemaVersion: 1,
    job: request.job,
    image: {
      reference: draft.image,
      pullPolicies: draft.pullPolicies.length === 0 ? DEFAULT_PULL_POLICIES : draft.pullPolicies,
      platform: draft.platform,
    },
    container: containerOf(request, { common, mounts, proxyEnvironment }, config, options),
    workspaceMountPath: normalizeAbsolutePath(draft.workspaceMountPath),
    inputs,
    outputs: request.outputs,
    configFile,
    parameters: request.parameters,
    secrets: distinctSecrets(secretEnvironment),
    secretEnvironment,
    proxyEnvironment,
    stdin: draft.stdin,
    timeouts: isEmpty(request.timeouts) ? common.timeouts : timeoutsOver(config, request.timeouts),
    retry: isEmpty(request.retry) ? common.retry : planRetry(request.retry, config.retry),
    limits: common.limits,
    volumeMask: common.volumeMask,
    ...(emptiedImageVariables.length === 0 ? {} : { emptiedImageVariables }),
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
  { container: draft, job }: RunRequest,
  { common, mounts, proxyEnvironment }: ContainerParts,
  config: RuntimeConfig,
  { caller }: PlanOptions,
): ContainerSpec {
  const { security } = config.policy;
  const user = resolveUser(draft.user ?? security.user, caller);
  return {
    name: PLACEHOLDER.containerName,
    image: PLACEHOLDER.imageId,
    platform: draft.platform,
    entryPoint: draft.entryPoint.length === 0 ? null : draft.entryPoint,
    command: draft.command.length === 0 && draft.entryPoint.length === 0 ? null : draft.command,
    workingDirectory: draft.workingDirectory === null ? null : normalizeAbsolutePath(draft.workingDirectory),
    environment: environmentOf(draft, proxyEnvironment),
    user: `${String(user.uid)}:${String(user.gid)}`,
    networkMode: draft.networkMode ?? defaultNetwork(config),
    readOnlyRootFilesystem: security.readOnlyRootFilesystem,
    capabilitiesDropped: ALL_CAPABILITIES,
    capabilitiesAdded: security.capabilities,
    noNewPrivileges: security.noNewPrivileges,
    init: security.init,
    resources: isEmpty(draft.resources)
      ? common.resources
      : resourcesOver(config.policy.limits.default, draft.resources),
    gpu: gpuOf(draft),
    runtime: draft.runtime ?? security.runtime,
    mounts,
    tmpfs: tmpfsOf(draft, mounts, user, config),
    stopSignal: 'SIGTERM',
    stdin: draft.stdin !== null,
    log: ENGINE_LOG,
    labels: job.slug === null ? common.labels : { ...common.labels, [`${config.labelPrefix}.job`]: job.slug },
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

function secretsIn({ environment }: ContainerDraft): readonly PlannedSecret[] {
  const secrets: PlannedSecret[] = [];
  for (const variable of environment) {
    if ('secret' in variable)
      secrets.push({ name: variable.name, secret: variable.secret, as: variable.as ?? 'env' });
  }
  return secrets;
}

function proxiesFor({ environment }: ContainerDraft, { engine }: RuntimeConfig): readonly PlannedProxy[] {
  return engine.dockerProxies ? proxyVariables(environment.map(({ name }) => name)) : [];
}

function environmentOf(
  draft: ContainerDraft,
  proxies: readonly PlannedProxy[],
): ContainerSpec['environment'] {
  const entries = draft.environment.map((variable) => ({ name: variable.name, value: valueOf(variable) }));
  for (const { name, proxy } of proxies) entries.push({ name, value: `<proxy:${proxy}>` });
  // The home of an unknown uid would be `/`, which is read-only.
  if (!entries.some(({ name }) => name === 'HOME')) entries.push(HOME);
  return entries;
}

function valueOf(variable: EnvironmentVariable): string {
  if (!('secret' in variable)) return variable.value;
  const { source, key } = variable.secret;
  return variable.as === 'file' ? secretFilePath(variable.name) : `<secret:${source}:${key}>`;
}

function gpuOf({ requiresGpu, resources: { gpu } }: ContainerDraft): GpuSpec | null {
  if (gpu === undefined) return requiresGpu ? { devices: 'all', capabilities: [] } : null;
  return { devices: gpu.ids ?? gpu.count ?? 'all', capabilities: gpu.capabilities ?? [] };
}

function tmpfsOf(
  draft: ContainerDraft,
  mounts: ContainerSpec['mounts'],
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
  return all.map(({ target, sizeBytes }) => ({
    target,
    sizeBytes,
    inodes: tmpInodes,
    uid,
    gid,
    mode: '0700',
    exec: tmpExec,
  }));
}

function distinctSecrets(planned: readonly PlannedSecret[]): readonly SecretReference[] {
  return [...new Map(planned.map(({ secret }) => [canonicalJson(secret), secret])).values()];
}

/** Nothing asked for: then a part is the same as in any other such plan. */
function isEmpty(asked: object): boolean {
  return Object.keys(asked).length === 0;
}
