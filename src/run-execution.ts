/** The steps of a run around its container: created from the plan, run to its end, judged, outputs collected. */
import type { ContainerEngine, OutputChunk } from './engine/types.js';
import { StorageError } from './errors.js';
import { withDeadline } from './execute/deadline.js';
import { engineCall } from './execute/engine-call.js';
import type { EnsuredImage } from './execute/ensure-image.js';
import { type Ending, executeContainer } from './execute/execute-container.js';
import { createOutputCollector } from './execute/output.js';
import { toByteStream } from './execute/stdin-source.js';
import { toOutputSink } from './execute/sink.js';
import type { Sighting } from './execute/sighting.js';
import type { RecordedStop, StopSource } from './execute/stop.js';
import { judgeEnd } from './execute/verdict.js';
import type { ContainerSpec } from './plan/container-spec.js';
import { materializeContainer } from './plan/materialize.js';
import type { RunPlan } from './plan/run-plan.js';
import { userOf } from './run-preparation.js';
import type { Cleanup } from './run-cleanup.js';
import type { Run } from './run-context.js';
import type { RunRecord } from './run-record.js';
import { redactedMetadata } from './run-redaction.js';
import { keepContainer } from './run-retention.js';
import type { RevealedSecrets } from './run-secrets.js';
import { type CollectedOutputs, collectOutputs } from './workspace/collect.js';
import type { Workspace } from './workspace/create.js';
import { makeVolumeFolders } from './workspace/volume-folders.js';
import { watchWorkspace, type WorkspaceWatch } from './workspace/watch-workspace.js';
import type { StagedInputs } from './workspace/stage.js';

/** What the earlier steps prepared. */
export interface Prepared {
  readonly plan: RunPlan;
  readonly image: EnsuredImage & { readonly engine: ContainerEngine };
  readonly workspace: Workspace;
  readonly staged: StagedInputs;
  readonly secrets: RevealedSecrets;
  readonly cleanup: Cleanup;
}

/** Creates and runs the container and records the verdict. It is removed when the run is over, or at once after a failure. */
export async function executeRun(run: Run, prepared: Prepared): Promise<Ending> {
  const { plan, image, workspace, secrets, cleanup } = prepared;
  const { engine } = image;
  const { record, stop } = run;
  stop.signal.throwIfAborted();
  const spec = await containerFor(run, prepared);
  await workspace.verify();
  await secrets.files?.verify();
  record.phase = 'create';
  record.containerName = spec.name;
  let containerId: string | null = null;
  cleanup.add('container', async (signal) => {
    if (await keepContainer(run, engine, containerId, signal)) return;
    await removeContainer(engine, containerId, spec, signal);
  });

  const output = createOutputCollector(outputOptions(run, plan));
  record.output = output;
  const createdAt = run.monotonic();
  const started: { at: number | null } = { at: null };
  const sightings: Sighting[] = [];
  const watch = await watchLimits(run, plan, workspace);
  const ending = await executeContainer({
    engine,
    spec,
    attestedImage: engine.capabilities.verifiableSpec ? image.info : null,
    stop,
    stdin: stdinOf(run, plan),
    runMs: plan.timeouts.runMs,
    idleOutputMs: plan.timeouts.idleOutputMs,
    stopGraceMs: plan.timeouts.stopGraceMs,
    onCreated: async (id, warnings) => {
      containerId = id;
      run.emit('container_created', { containerName: spec.name, containerId: id });
      for (const warning of warnings) run.warn(`engine: ${warning}`);
      await run.note({ name: 'created' });
    },
    onStarted: () => {
      started.at = run.monotonic();
      record.phase = 'run';
      record.durations.createMs = started.at - createdAt;
      run.emit('container_started', { containerName: spec.name });
      // Not waited for: the job runs, and its deadline with it.
      void run.note({ name: 'started' });
    },
    onOutput: async (chunk: OutputChunk) => output.push(chunk),
    onSighting: (fact) => {
      sightings.push({ ...fact, at: run.timestamp() });
    },
    onWarning: (message) => {
      run.warn(message);
    },
  }).finally(async () => watch.end());
  if (started.at !== null) record.durations.runMs = run.monotonic() - started.at;
  // Not at the end of the run: collecting may take long. What fails here is tried again, and reported, by the clean-up.
  await secrets.files?.remove().catch(() => undefined);
  await output.end();
  record.logsComplete = ending.logsComplete;
  record.usage = ending.usage;
  const lastLog = output.lastLog();
  record.verdict = judgeEnd({
    ...ending,
    stop: endedBy(ending, stop),
    lastErrorLine: lastLog?.source === 'stderr' ? lastLog.line : null,
    sightings,
    at: run.timestamp(),
  });
  run.emit('container_exited', { exitCode: record.verdict.exitCode });
  await run.note({ name: 'exited' });
  return ending;
}

/** What a container wrote is looked at when it is read, which may be after the container's end. */
function endedBy(ending: Ending, stop: StopSource): RecordedStop | null {
  const isLimit = ['log_limit_exceeded', 'disk_limit_exceeded'].includes(stop.cause?.reason ?? '');
  return ending.stop ?? (isLimit ? stop.cause : null);
}

/** Stops the run when its workspace holds more than it may. */
async function watchLimits(run: Run, { limits }: RunPlan, workspace: Workspace): Promise<WorkspaceWatch> {
  const bounds = { maxBytes: limits.workspaceBytes, maxEntries: limits.workspaceEntries };
  return watchWorkspace(workspace, bounds, {
    onExcess: ({ of, allowed }) => {
      const [what, setting] = EXCESS[of];
      const message = `the workspace holds more than ${String(allowed)} ${what} (${setting})`;
      run.stop.stop({ reason: 'disk_limit_exceeded', by: 'watcher', message });
    },
    onFailure: (error) => {
      const problem = error instanceof Error ? error.message : String(error);
      run.warn(`the size of the workspace was not watched to the end: ${problem}`);
    },
  });
}

const EXCESS = {
  bytes: ['bytes', 'workspace.maxBytes'],
  entries: ['files and folders', 'workspace.maxEntries'],
} as const;

async function containerFor(
  run: Run,
  { plan, image, workspace, staged, secrets }: Prepared,
): Promise<ContainerSpec> {
  const { runId, attempt } = run.record;
  const { spec, workspaceFolders } = materializeContainer(plan, {
    imageId: image.info.id,
    imageVolumes: image.info.volumes,
    workspacePath: workspace.path,
    runId,
    attempt,
    instance: run.identity.instance,
    owner: run.identity.owner,
    createdAt: run.timestamp(),
    secrets: secrets.variables,
    secretsPath: secrets.files?.path ?? null,
    skippedInputs: staged.skipped,
    stdin: run.options.stdin !== undefined || plan.stdin !== null,
    labelPrefix: run.config.labelPrefix,
  });
  await makeVolumeFolders(workspace, workspaceFolders, userOf(plan));
  return spec;
}

/** By id, or by name where the answer to the creation was lost; the name alone is no proof, the run's label is. */
async function removeContainer(
  engine: ContainerEngine,
  id: string | null,
  spec: ContainerSpec,
  signal: AbortSignal,
): Promise<void> {
  if (id !== null) {
    await engine.containers.remove(id, { signal });
    return;
  }
  const found = await engineCall('inspect', signal, (callSignal) =>
    engine.containers.inspect(spec.name, { signal: callSignal }),
  );
  const isOurs = Object.entries(spec.labels).every(([name, value]) => found?.labels[name] === value);
  if (found !== null && isOurs) await engine.containers.remove(found.id, { signal });
}

function outputOptions(run: Run, plan: RunPlan): Parameters<typeof createOutputCollector>[0] {
  const { options, config, record, stop } = run;
  const { logBytes } = plan.limits;
  return {
    redactor: record.redactor,
    maxLogChars: Math.min(options.maxLogChars ?? config.maxLogChars, config.maxLogChars),
    persistLogTail: config.persistLogTail,
    maxBytes: logBytes,
    onLimit: () => {
      const message = `wrote more than ${String(logBytes)} bytes to stdout and stderr`;
      stop.stop({ reason: 'log_limit_exceeded', by: 'watcher', message });
    },
    onText: (stream, text) => {
      run.emit('output', { stream, text });
    },
    onLine: guarded(options.onLine),
    sinks: {
      stdout: options.stdout === undefined ? null : toOutputSink(options.stdout),
      stderr: options.stderr === undefined ? null : toOutputSink(options.stderr),
    },
    onSinkFailure: (stream) => {
      run.warn(`the sink for ${stream} failed and gets no more output`);
    },
    stopSignal: stop.signal,
  };
}

/** A listener of the caller's must not hurt the run. */
function guarded<T>(listener: ((value: T) => void) | undefined): ((value: T) => void) | null {
  if (listener === undefined) return null;
  return (value) => {
    try {
      listener(value);
    } catch {
      // What a listener throws is its own affair; the run goes on.
    }
  };
}

function stdinOf(run: Run, plan: RunPlan): AsyncIterable<Uint8Array> | null {
  const content = run.options.stdin ?? plan.stdin;
  return content === null ? null : toByteStream(content);
}

/** Collects and stores outputs, whatever the exit code, and lets missing ones change a success. */
export async function collectRun(
  run: Run,
  parts: Pick<Prepared, 'plan' | 'workspace' | 'staged' | 'cleanup'> & { readonly ending: Ending },
): Promise<void> {
  const { plan, workspace, staged, cleanup, ending } = parts;
  const { record, stop } = run;
  if (plan.outputs.length === 0 || record.verdict?.reason === 'runtime_shutdown') return;
  // A job that was stopped still hands out what it left; a stop that came after its end breaks this off.
  const signal = endedBy(ending, stop) === null ? stop.signal : undefined;
  await run.timed('collectMs', 'collect', async () => {
    run.emit('collect_start', { outputs: plan.outputs.length });
    const onTimeout = (): Error =>
      new StorageError(
        'storage.collect_timed_out',
        `collecting took longer than ${String(plan.timeouts.collectMs)} ms`,
      );
    const collected = await withDeadline(
      { timeoutMs: plan.timeouts.collectMs, signal, onTimeout },
      async (bounded) => {
        const collecting = collectOutputs(workspace, plan, {
          storage: run.ports.storage,
          outputTo: run.outputTo,
          succeeded: record.verdict?.reason === 'completed',
          placeholders: staged.placeholders,
          metadata: redactedMetadata(record.metadata, record.redactor),
          variables: { runId: record.runId, attempt: record.attempt, startedAt: record.startedAt },
          concurrency: run.config.concurrency.upload,
          signal: bounded,
          pause: async (milliseconds, until) => run.ports.clock.pause(milliseconds, until),
          journal: async (name, publication) => run.note({ name, publication }),
          onOutput: (output) => {
            run.emit('output_collected', { output });
          },
          onWarning: (message) => {
            run.warn(message);
          },
        });
        // What is broken off still takes back what it stored; the workspace goes, and the run ends, after that.
        cleanup.add('outputs', async () => {
          await Promise.allSettled([collecting]);
        });
        return collecting;
      },
    );
    record.outputs = collected.reports;
    run.emit('collect_end', { files: collected.files, sizeBytes: collected.sizeBytes });
    if (collected.failure !== null) throw collected.failure;
    applyOutputs(record, run.timestamp(), collected);
    await run.note({ name: 'collected' });
  });
}

/** Required outputs that are missing or refused turn a success into a failure; any other outcome of the job stands. */
function applyOutputs(record: RunRecord, at: string, { missing, rejected }: CollectedOutputs): void {
  const { verdict } = record;
  if (verdict?.reason !== 'completed') return;
  const [refused] = rejected;
  const [absent] = missing;
  if (refused !== undefined) {
    const reason = refused.cause === 'limit' ? 'output_limit_exceeded' : 'output_rejected';
    const what = `output ${refused.workspacePath} was refused: ${refused.reason}`;
    record.verdict = { ...verdict, reason, evidence: [...verdict.evidence, { by: 'watcher', what, at }] };
  } else if (absent !== undefined) {
    const what = `required output ${absent} is missing`;
    record.verdict = {
      ...verdict,
      reason: 'output_missing',
      evidence: [...verdict.evidence, { by: 'watcher', what, at }],
    };
  }
}
