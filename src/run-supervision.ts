/** What is done around a container of a run that runs, whoever started it: its output and limits watched, its end judged and written down. */
import { notify } from './base/notify.js';
import type { ContainerEngine, OutputChunk } from './engine/types.js';
import type { Ending } from './execute/follow-container.js';
import { createOutputCollector } from './execute/output.js';
import type { Sighting, SightingFact } from './execute/sighting.js';
import { toOutputSink } from './execute/sink.js';
import type { RecordedStop, StopSource } from './execute/stop.js';
import { judgeEnd } from './execute/verdict.js';
import type { RunPlan } from './plan/run-plan.js';
import type { Run } from './run-context.js';
import { scanStream } from './run-leaks.js';
import { watchLimits } from './run-limits.js';
import type { RunVolumes } from './run-volumes.js';
import type { Workspace } from './workspace/create.js';
import type { SecretFiles } from './workspace/secret-files.js';

/** What a container of a run is told through. */
export interface Supervision {
  readonly onOutput: (chunk: OutputChunk) => Promise<void>;
  readonly onSighting: (fact: SightingFact) => void;
  readonly onWarning: (message: string) => void;
  /** It runs from now on, and what it holds is watched. */
  readonly onRunning: (engine: ContainerEngine, containerId: string) => void;
}

/** What is supervised. */
export interface SupervisedParts {
  readonly plan: RunPlan;
  readonly workspace: Workspace;
  /** Null where the engine sees the run's folder. */
  readonly volumes: RunVolumes | null;
  readonly secretFiles: SecretFiles | null;
  /** When the container was started, on the clock that never jumps; null: it was not. */
  readonly startedMs: () => number | null;
}

/** Lets the work bring a container to its end, and records how it ended. */
export async function superviseContainer(
  run: Run,
  { plan, workspace, volumes, secretFiles, startedMs }: SupervisedParts,
  work: (supervision: Supervision) => Promise<Ending>,
): Promise<Ending> {
  const { record, stop } = run;
  const output = createOutputCollector(outputOptions(run, plan));
  record.output = output;
  const sightings: Sighting[] = [];
  const watch = watchLimits(run, plan, workspace, volumes);
  const ending = await work({
    onOutput: async (chunk) => output.push(chunk),
    onSighting: (fact) => {
      if (fact.kind === 'engine_lost') run.surroundings.engineLost('it went away while a job ran');
      if (fact.kind === 'engine_back') run.surroundings.engineAnswered();
      sightings.push({ ...fact, at: run.timestamp() });
    },
    onWarning: (message) => {
      run.warn(message);
    },
    onRunning: watch.started,
  })
    .catch(async (error: unknown) => {
      // The caller's sinks are let go of whatever becomes of the container.
      await output.end();
      throw error;
    })
    .finally(async () => watch.end());
  const startedAtMs = startedMs();
  if (startedAtMs !== null) record.durations.runMs = run.monotonic() - startedAtMs;
  // Not at the end of the run: collecting may take long. What fails here is tried again, and reported, by the clean-up.
  await secretFiles?.remove().catch(() => undefined);
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
    onLine: (line) => {
      notify(options.onLine, line);
    },
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
