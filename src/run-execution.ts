/** The steps of a run around its container: created from the plan, run to its end, judged. */
import type { ContainerEngine } from './engine/types.js';
import type { EnsuredImage } from './execute/ensure-image.js';
import { executeContainer } from './execute/execute-container.js';
import type { Ending } from './execute/follow-container.js';
import { toAccountedStream } from './execute/stdin-source.js';
import type { ContainerSpec } from './plan/container-spec.js';
import { materializeContainer } from './plan/materialize.js';
import type { RunPlan } from './plan/run-plan.js';
import { fixedHashOf } from './run-fixed-hash.js';
import { userOf } from './run-preparation.js';
import type { StagedRun } from './run-staging.js';
import type { Cleanup } from './run-cleanup.js';
import { bootTime } from './host/boot-clock.js';
import type { Run } from './run-context.js';
import { createRunContainer } from './run-container.js';
import { keepContainer } from './run-retention.js';
import type { RevealedSecrets } from './run-secrets.js';
import type { ContainerFacts } from './run-store/types.js';
import { superviseContainer } from './run-supervision.js';
import type { Workspace } from './workspace/create.js';
import { pathForEngine, unseenFolder } from './run-transport.js';
import { makeVolumeFolders } from './workspace/volume-folders.js';

/** What the earlier steps prepared. */
export interface Prepared {
  readonly plan: RunPlan;
  readonly image: EnsuredImage & { readonly engine: ContainerEngine };
  readonly workspace: Workspace;
  readonly staged: StagedRun;
  readonly secrets: RevealedSecrets;
  readonly cleanup: Cleanup;
}

/** Creates and runs the container and records the verdict. It is removed when the run is over, or at once after a failure. */
export async function executeRun(run: Run, prepared: Prepared): Promise<Ending> {
  const { plan, image, workspace, staged, secrets, cleanup } = prepared;
  const { engine } = image;
  const { record, stop } = run;
  // The last thing before a container is made: nothing runs that is not on record.
  await run.confirmAudit();
  stop.signal.throwIfAborted();
  const spec = await containerFor(run, prepared);
  await workspace.verify();
  await secrets.files?.verify();
  if (secrets.files !== null) await staged.volumes?.putSecrets(secrets.files, stop.signal);
  record.phase = 'create';
  record.containerName = spec.name;
  const container = createRunContainer(engine, spec, run.lateWork);
  cleanup.add('container', async (signal) => {
    if (!(await keepContainer(run, engine, container.id, signal))) await container.remove(signal);
  });

  const createdAt = run.monotonic();
  const started: { at: number | null } = { at: null };
  const parts = {
    plan,
    workspace,
    volumes: staged.volumes,
    secretFiles: secrets.files,
    startedMs: () => started.at,
  };
  const execute: typeof executeContainer = async (options) => {
    try {
      return await executeContainer(options);
    } catch (error) {
      throw unseenFolder(run.config, workspace, error);
    }
  };
  return superviseContainer(run, parts, async (supervision) =>
    execute({
      engine,
      spec,
      attestedImage: engine.capabilities.verifiableSpec ? image.info : null,
      stop,
      stdin: stdinOf(run, staged),
      runMs: plan.timeouts.runMs,
      idleOutputMs: plan.timeouts.idleOutputMs,
      stopGraceMs: plan.timeouts.stopGraceMs,
      // A container that came after its volumes were gone would bring them back: there it is waited for.
      leaving: staged.volumes === null ? { afterMs: plan.timeouts.stopGraceMs, told: container.left } : null,
      ...supervision,
      onCreated: async (id, warnings) => {
        container.id = id;
        run.emit('container_created', { containerName: spec.name, containerId: id });
        for (const warning of warnings) run.warn(`engine: ${warning}`);
        await run.note({ name: 'created', container: factsOf(run, prepared, spec, id) });
      },
      onStarted: (ranMs) => {
        started.at = run.monotonic() - ranMs;
        record.phase = 'run';
        record.durations.createMs = started.at - createdAt;
        run.emit('container_started', { containerName: spec.name });
        if (container.id !== null) {
          run.putOnRecord('run_started', { containerName: spec.name, containerId: container.id });
          supervision.onRunning(engine, container.id);
        }
        // Not waited for: the job runs, and its deadline with it.
        void run.note({ name: 'started', bootTime: bootTime() ?? undefined });
      },
    }),
  );
}

/** What another process has to know if this one dies while the container runs. */
function factsOf(
  run: Run,
  { plan, workspace, staged, secrets }: Prepared,
  spec: ContainerSpec,
  containerId: string,
): ContainerFacts {
  const { record, options, keeping, config } = run;
  const { inputs, given } = record.redactor.value({ inputs: record.inputs, given: record.given });
  const isCallers = plan.outputs.some(({ upload }) => upload === 'caller');
  return {
    containerId,
    imageDigest: record.imageDigest,
    inputs,
    given,
    placeholders: [...staged.placeholders],
    workspace: { path: workspace.path, identity: workspace.identity },
    secretFiles: secrets.files?.place ?? null,
    needsItsProcess: spec.stdin
      ? 'its standard input broke off with its process'
      : isCallers
        ? 'its outputs go to a storage that only its caller can reach'
        : staged.volumes !== null
          ? 'its files are in volumes that its process filled'
          : null,
    policyHash: fixedHashOf(config.policy),
    options: {
      profile: options.profile ?? null,
      concurrencyKey: options.concurrencyKey ?? null,
      maxLogChars: options.maxLogChars ?? null,
      retention: keeping.retention,
    },
  };
}

async function containerFor(
  run: Run,
  { plan, image, workspace, staged, secrets }: Prepared,
): Promise<ContainerSpec> {
  const { runId, attempt } = run.record;
  const { spec, workspaceFolders } = materializeContainer(plan, {
    imageId: image.info.id,
    imageVolumes: image.info.volumes,
    imageEnvironment: image.info.environment,
    workspacePath: pathForEngine(run.config, workspace),
    runId,
    attempt,
    instance: run.identity.instance,
    owner: run.identity.owner,
    createdAt: run.timestamp(),
    secrets: secrets.variables,
    proxies: secrets.proxies,
    secretsPath: secrets.files?.path ?? null,
    skippedInputs: staged.skipped,
    stdin: staged.stdin !== null,
    placed: staged.volumes?.placed,
    labelPrefix: run.config.labelPrefix,
  });
  await makeVolumeFolders(workspace, workspaceFolders, userOf(plan));
  return spec;
}

/** What the job gets, which is accounted for while it is read. */
function stdinOf(run: Run, { stdin }: StagedRun): AsyncIterable<Uint8Array> | null {
  if (stdin === null) return null;
  return toAccountedStream(stdin, run.config.inputs.sha256, (account) => {
    run.record.given = { ...run.record.given, stdin: account };
  });
}
