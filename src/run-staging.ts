/** The step of a run at which its inputs and its caller's files come: all of them, under one deadline and above the floor of the disk. */
import { WorkspaceError } from './errors.js';
import { withDeadline } from './execute/deadline.js';
import type { StdinContent } from './execute/stdin-source.js';
import { renderConfigFile } from './job/config-file.js';
import type { RunPlan } from './plan/run-plan.js';
import { allowedHint } from './policy/hint.js';
import { denialOf } from './policy/denial.js';
import { mayReadStorage, storageRule } from './policy/rules/access.js';
import type { Run } from './run-context.js';
import type { Place } from './run-place.js';
import { openStdin } from './run-stdin.js';
import type { RunTransport } from './run-transport.js';
import { openVolumes, requireVolumesSuit, type RunVolumes, type VolumesParts } from './run-volumes.js';
import { readNodePlace } from './workspace/input-sources.js';
import { requireRoomForInputs, stageAboveFloor } from './workspace/stage-above-floor.js';
import {
  bringsNothing,
  type NodeResolver,
  NOTHING_PREPARED,
  type PreparedInputs,
  prepareInputs,
  type StagedInputs,
} from './workspace/stage.js';
import { STRAIGHT_BYTES } from './workspace/straight-file.js';
import { userOf } from './run-preparation.js';

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
        const files = run.options.files ?? {};
        const stdin = await openStdin(run, plan, cleanup);
        const disk = { root: run.config.workspaceRoot, floor: run.config.workspace };
        const prepare = async (until: AbortSignal): Promise<PreparedInputs> =>
          prepareInputs(workspace, plan, {
            storage: run.ports.storage,
            resolveNode: judgedNodeResolver(run, plan),
            files,
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
          });
        const staging = bringsNothing(plan, files)
          ? Promise.resolve(NOTHING_PREPARED)
          : stageAboveFloor({ ...disk, signal }, prepare);
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
    const answer = await resolveNode(nodeId, options);
    const place = readNodePlace(answer);
    // What is not understood goes nowhere, and is told by whoever asks.
    if (place == null || mayReadStorage(config.policy, place.mountId, place.path)) return answer;
    const message = `storage.read does not allow to read node "${nodeId}", which lies in storage "${place.mountId}"`;
    const path = pathOfNode(plan, nodeId);
    const hint = allowedHint(config.policy.storage.read, place.mountId, 'policy.storage.read');
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
