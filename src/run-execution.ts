/** The steps of a run around its container: created from the plan, run to its end, judged. */
import type { ContainerEngine, OutputChunk } from './engine/types.js';
import { EngineError } from './errors.js';
import { withDeadline } from './execute/deadline.js';
import { engineCall } from './execute/engine-call.js';
import type { EnsuredImage } from './execute/ensure-image.js';
import { type Ending, executeContainer } from './execute/execute-container.js';
import { createOutputCollector } from './execute/output.js';
import { toAccountedStream } from './execute/stdin-source.js';
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
import { scanStream } from './run-leaks.js';
import { watchLimits } from './run-limits.js';
import { keepContainer } from './run-retention.js';
import type { RevealedSecrets } from './run-secrets.js';
import type { Workspace } from './workspace/create.js';
import { makeVolumeFolders } from './workspace/volume-folders.js';
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
  // The last thing before a container is made: nothing runs that is not on record.
  await run.confirmAudit();
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
      if (containerId !== null) {
        run.putOnRecord('run_started', { containerName: spec.name, containerId });
        watch.started(engine, containerId);
      }
      // Not waited for: the job runs, and its deadline with it.
      void run.note({ name: 'started' });
    },
    onOutput: async (chunk: OutputChunk) => output.push(chunk),
    onSighting: (fact) => {
      if (fact.kind === 'engine_lost') run.surroundings.engineLost('it went away while a job ran');
      if (fact.kind === 'engine_back') run.surroundings.engineAnswered();
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
export function endedBy(ending: Ending, stop: StopSource): RecordedStop | null {
  const limits = ['log_limit_exceeded', 'disk_limit_exceeded', 'output_limit_exceeded'];
  const isLimit = limits.includes(stop.cause?.reason ?? '');
  return ending.stop ?? (isLimit ? stop.cause : null);
}

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
    await removeInTime(engine, id, signal);
    return;
  }
  const found = await engineCall('inspect', signal, (callSignal) =>
    engine.containers.inspect(spec.name, { signal: callSignal }),
  );
  const isOurs = Object.entries(spec.labels).every(([name, value]) => found?.labels[name] === value);
  if (found !== null && isOurs) await removeInTime(engine, found.id, signal);
}

/** Short enough for another try after a connection that died without a word. A removal may be repeated while one is under way. */
const REMOVE_MS = 20_000;

async function removeInTime(engine: ContainerEngine, id: string, signal: AbortSignal): Promise<void> {
  const onTimeout = (): Error =>
    new EngineError(
      'engine.unreachable',
      `the engine did not remove the container within ${String(REMOVE_MS)} ms`,
    );
  await withDeadline({ timeoutMs: REMOVE_MS, signal, onTimeout }, async (callSignal) =>
    engine.containers.remove(id, { signal: callSignal }),
  );
}

function outputOptions(run: Run, plan: RunPlan): Parameters<typeof createOutputCollector>[0] {
  const { options, config, record, stop } = run;
  const { logBytes } = plan.limits;
  return {
    redactor: record.redactor,
    scan: { stdout: scanStream(record.secrets, 'stdout'), stderr: scanStream(record.secrets, 'stderr') },
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
  if (content === null) return null;
  return toAccountedStream(content, run.config.inputs.sha256, (stdin) => {
    run.record.given = { ...run.record.given, stdin };
  });
}
