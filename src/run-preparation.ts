/** The steps of a run before its inputs, but for its image: judged and planned, admitted, with a workspace. */
import { isDeepStrictEqual } from 'node:util';
import { ValidationError, WorkspaceError } from './errors.js';
import { type Demand, toNanoCpus } from './execute/turns.js';
import type { RunRequest } from './plan/container-spec.js';
import { planRun } from './plan/plan-run.js';
import type { RunPlan } from './plan/run-plan.js';
import { judgeRequest } from './policy/judge.js';
import { expandPathTemplate, type PathTemplateVariables } from './base/path-template.js';
import { fixedHashOf } from './run-fixed-hash.js';
import type { Cleanup } from './run-cleanup.js';
import { requireEnforced } from './run-enforcement.js';
import type { Run } from './run-context.js';
import { createPlace, type Place } from './run-place.js';
import { keepFolder } from './run-retention.js';
import { requireOutputTo, requireStorage } from './workspace/mounts.js';
import { requireFreeSpace } from './workspace/disk-shortage.js';
import { createWorkspace, type Workspace } from './workspace/create.js';

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
