/** The steps of a run before its secrets and its container, but for its image: judged and planned, admitted, workspace, inputs. */
import { isDeepStrictEqual } from 'node:util';
import { ValidationError, WorkspaceError } from './errors.js';
import { withDeadline } from './execute/deadline.js';
import type { StdinContent } from './execute/stdin-source.js';
import { type Demand, toNanoCpus } from './execute/turns.js';
import { renderConfigFile } from './job/config-file.js';
import type { RunRequest } from './plan/container-spec.js';
import { planRun } from './plan/plan-run.js';
import type { RunPlan } from './plan/run-plan.js';
import { allowedHint } from './policy/hint.js';
import { denialOf } from './policy/denial.js';
import { mayReadStorage, storageRule } from './policy/rules/access.js';
import { judgeRequest } from './policy/judge.js';
import { expandPathTemplate, type PathTemplateVariables } from './base/path-template.js';
import { fixedHashOf } from './run-fixed-hash.js';
import type { Cleanup } from './run-cleanup.js';
import { requireEnforced } from './run-enforcement.js';
import type { Run } from './run-context.js';
import { createPlace, type Place } from './run-place.js';
import { keepFolder } from './run-retention.js';
import { openStdin } from './run-stdin.js';
import type { RunTransport } from './run-transport.js';
import { openVolumes, requireVolumesSuit, type RunVolumes, type VolumesParts } from './run-volumes.js';
import { requireOutputTo, requireStorage } from './workspace/mounts.js';
import { requireFreeSpace } from './workspace/disk-shortage.js';
import { createWorkspace, type Workspace } from './workspace/create.js';
import { requireRoomForInputs, stageAboveFloor } from './workspace/stage-above-floor.js';
import { type NodeResolver, prepareInputs, type StagedInputs } from './workspace/stage.js';
import { STRAIGHT_BYTES } from './workspace/straight-file.js';

/** Judges the request again, now that it is to run, and plans it. */
export function planJudged(run: Run, request: RunRequest): RunPlan {
  const { config, ports, caller, unknownProfile } = run;
  run.record.phase = 'policy';
  if (unknownProfile !== null) {
    const { path, message, hint } = unknownProfile;
    throw new ValidationError('validation.invalid_job', `${path} ${message}`, {
      hint,
      details: { issues: [unknownProfile] },
    });
  }
  const judged = judgeRequest(request, config.policy, {
    rules: ports.rules,
    caller,
    maxTimeouts: config.timeouts.max,
    maxRetry: config.retry.max,
  });
  run.emit('policy_decision', { decision: judged.decision });
  run.putOnRecord('run_decided', { policyHash: fixedHashOf(config.policy), decision: judged.decision });
  for (const { rule, path, message } of judged.decision.warnings) run.warn(`${rule}: ${path}: ${message}`);
  const plan = planRun(judged, config, { caller });
  run.record.plan = plan;
  requireEnforced(run, plan);
  // What would only fail after the job has run is refused before anything is done.
  requireStorage(plan, ports.storage, ports.resolveNode !== undefined);
  requireOutputTo(plan, run.outputTo);
  requireOutputPaths(plan, variablesOf(run, plan));
  return plan;
}

/** What path templates of outputs may use. */
function variablesOf({ record }: Run, plan: RunPlan): PathTemplateVariables {
  const { runId, attempt, startedAt } = record;
  const { slug, id, version } = plan.job;
  const startedDate = startedAt.slice(0, 10);
  return { runId, attempt, jobSlug: slug, jobDefinitionId: id, jobVersion: version, startedAt, startedDate };
}

/** A template that asks for what this job does not have is refused before the job runs. */
function requireOutputPaths(plan: RunPlan, variables: PathTemplateVariables): void {
  for (const [index, { upload }] of plan.outputs.entries()) {
    if (upload === null || upload === 'caller') continue;
    const expanded = expandPathTemplate(upload.pathTemplate, variables);
    if (expanded.ok) continue;
    const path = `docker.outputs.${String(index)}.upload.pathTemplate`;
    const issues = [{ code: 'validation.path_template', path, message: expanded.problem }];
    throw new ValidationError('validation.invalid_job', `${path} ${expanded.problem}`, {
      details: { issues },
    });
  }
}

/** A run that has its place. */
export interface AdmittedRun {
  readonly plan: RunPlan;
  readonly place: Place;
}

/**
 * Waits for a place, for as long as the plan allows. A run begins under the policy of the time it is let in: if that was replaced while it
 * waited, it is judged and planned anew.
 */
export async function admitRun(run: Run, request: RunRequest, planned: RunPlan): Promise<AdmittedRun> {
  await run.note({ name: 'planned' });
  return run.timed('queueMs', 'queue', async () => {
    run.emit('queue_start', {});
    const admitted = await withQueueDeadline(run, planned.timeouts.queueMs, async () =>
      waitForPlace(run, request, planned),
    );
    try {
      // Not within the queue's deadline: the run has its place.
      await requireFreeSpace(run.config.workspaceRoot, run.config.workspace);
      run.emit('queue_end', {});
      await run.note({ name: 'admitted' });
    } catch (error) {
      admitted.place.release();
      throw error;
    }
    return admitted;
  });
}

async function waitForPlace(run: Run, request: RunRequest, planned: RunPlan): Promise<AdmittedRun> {
  const { admission, stop, queueing, options } = run;
  const key = options.concurrencyKey ?? null;
  let plan = planned;
  let release = await admission.admit(stop, { key, queueing, demand: demandOf(plan) });
  try {
    while (run.renewConfig()) {
      const before = demandOf(plan);
      plan = planJudged(run, request);
      const demand = demandOf(plan);
      if (isDeepStrictEqual(demand, before)) continue;
      // The new policy has other limits for it, which may not fit where the old ones did.
      release();
      release = await admission.admit(stop, { key, queueing, demand }, 'first');
    }
    const applicant = { key, queueing, demand: demandOf(plan) };
    return { plan, place: createPlace(run, applicant, release) };
  } catch (error) {
    release();
    throw error;
  }
}

/** What a run takes of the budget. */
export function demandOf({ container: { resources }, limits: { workspaceBytes } }: RunPlan): Demand {
  const { cpus, memoryBytes } = resources;
  return { nanoCpus: toNanoCpus(cpus), memoryBytes, workspaceBytes: workspaceBytes ?? 0 };
}

/** Ends the run when the work takes longer than it may wait for its turn. */
export async function withQueueDeadline<T>(
  { stop }: Run,
  queueMs: number,
  work: () => Promise<T>,
): Promise<T> {
  const message = `waited longer than ${String(queueMs)} ms for its turn`;
  const timer = setTimeout(() => {
    stop.stop({ reason: 'queue_expired', by: 'deadline', message });
  }, queueMs);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
  }
}

/** The uid and gid the job runs as. */
export function userOf(plan: RunPlan): { readonly uid: number; readonly gid: number } {
  const [uid, gid] = plan.container.user.split(':').map(Number);
  if (uid === undefined || gid === undefined) {
    throw new WorkspaceError('workspace.failed', `the plan's user "${plan.container.user}" is not uid:gid`);
  }
  return { uid, gid };
}

/** Makes the run's folder; it goes when the run is over. */
export async function openWorkspace(run: Run, plan: RunPlan, cleanup: Cleanup): Promise<Workspace> {
  // Undone after the folder is removed: until then its room is not free.
  cleanup.add('workspace', async () => {
    run.diskGuard.leave(run.record.runId);
    return Promise.resolve();
  });
  const workspace = await createWorkspace(run.config.workspaceRoot, {
    name: run.record.jobSlug ?? 'job',
    user: userOf(plan),
    mark: { ...run.identity, runId: run.record.runId },
    signal: run.stop.signal,
  });
  cleanup.add('workspace', async (signal) => {
    if (!(await keepFolder(run, workspace, signal))) await workspace.remove(signal);
  });
  await run.note({ name: 'workspace_ready' });
  return workspace;
}

/** What was staged, and where. */
export interface StagedRun extends StagedInputs {
  /** Null where the engine sees the run's folder. */
  readonly volumes: RunVolumes | null;
  /** Null: there is none. */
  readonly stdin: StdinContent | null;
}

/** Copies inputs, the configuration file and the caller's files to where the container will see them, and opens its standard input. */
export async function stageRun(
  run: Run,
  plan: RunPlan,
  {
    place,
    image,
    workspace,
    transport,
    cleanup,
  }: Pick<VolumesParts, 'image' | 'workspace' | 'cleanup'> & {
    readonly place: Pick<Place, 'makeRoom'>;
    readonly transport: RunTransport;
  },
): Promise<StagedRun> {
  return run.timed('stageMs', 'stage', async () => {
    if (transport.kind === 'volume') requireVolumesSuit(run, plan);
    const configFile = await configFileOf(run, plan);
    run.emit('stage_start', { inputs: plan.inputs.length });
    const onTimeout = (): Error =>
      new WorkspaceError(
        'workspace.stage_timed_out',
        `staging took longer than ${String(plan.timeouts.stageMs)} ms`,
      );
    const staged = await withDeadline(
      { timeoutMs: plan.timeouts.stageMs, signal: run.stop.signal, onTimeout },
      async (signal) => {
        const stdin = await openStdin(run, plan, cleanup);
        const disk = { root: run.config.workspaceRoot, floor: run.config.workspace };
        const staging = stageAboveFloor({ ...disk, signal }, async (until) =>
          prepareInputs(workspace, plan, {
            storage: run.ports.storage,
            resolveNode: judgedNodeResolver(run, plan),
            files: run.options.files ?? {},
            configFile,
            user: userOf(plan),
            sha256: run.config.inputs.sha256,
            concurrency: run.config.concurrency.stage,
            straightBytes: transport.kind === 'volume' ? STRAIGHT_BYTES : undefined,
            signal: until,
            onAnnounced: async (sizeBytes) => {
              await place.makeRoom(sizeBytes, until);
              await requireRoomForInputs(disk, sizeBytes);
            },
            onProgress: (progress) => {
              run.emit('stage_progress', progress);
            },
          }),
        );
        // What staging was broken off in may write once more; its folder is removed only after that.
        cleanup.add('workspace', async () => {
          await staging.then(
            () => undefined,
            () => undefined,
          );
        });
        const inputs = await staging;
        if (transport.kind === 'bind') return { ...inputs.report(), stdin, volumes: null };
        const { hasSubpaths } = transport;
        const user = userOf(plan);
        const parts = { plan, image, workspace, inputs, hasSubpaths, user, cleanup, signal };
        const volumes = await openVolumes(run, parts);
        return { ...inputs.report(), stdin, volumes };
      },
    );
    for (const warning of staged.warnings) run.warn(warning);
    run.record.inputs = staged.reports;
    run.record.given = { ...run.record.given, files: staged.given };
    run.emit('stage_end', { files: staged.files, sizeBytes: staged.sizeBytes });
    await run.note({ name: 'staged' });
    return staged;
  });
}

/** The caller's resolver, with policy asked of where each node lies. */
function judgedNodeResolver({ config, ports }: Run, plan: RunPlan): NodeResolver | undefined {
  const { resolveNode } = ports;
  if (resolveNode === undefined) return undefined;
  return async (nodeId, options) => {
    const place = await resolveNode(nodeId, options);
    // A host in JavaScript may well give its numeric ids as they are.
    const mountId: unknown = place?.mountId;
    if (place === null || mayReadStorage(config.policy, String(mountId), place.path)) return place;
    const message = `storage.read does not allow to read node "${nodeId}", which lies in storage "${place.mountId}"`;
    const path = pathOfNode(plan, nodeId);
    const hint = allowedHint(config.policy.storage.read, String(mountId), 'policy.storage.read');
    throw denialOf([{ rule: storageRule.id, path, message, severity: 'error', hint }]);
  };
}

/** The place in the definition of the first input that wants the node. */
function pathOfNode({ inputs }: RunPlan, nodeId: string): string {
  const index = inputs.findIndex(({ source }) => source.type === 'filestoreNode' && source.nodeId === nodeId);
  return `docker.inputs.${String(index)}.source`;
}

async function configFileOf(run: Run, plan: RunPlan): Promise<Uint8Array | null> {
  if (plan.configFile === null) return null;
  const { runId, attempt } = run.record;
  return renderConfigFile({
    job: plan.job,
    runId,
    attempt,
    parameters: plan.parameters,
    format: plan.configFile.format,
  });
}
