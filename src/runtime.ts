/** The composition root: puts configuration and ports together, starts runs, and closes. It does no I/O until the first run. */
import { parseConfig } from './config/parse.js';
import type { RuntimeConfig, RuntimeConfigInput } from './config/runtime-config.js';
import { createEngineSource } from './engine-source.js';
import { type Issue, PolicyError, RuntimeError, ValidationError } from './errors.js';
import { createAdmission } from './execute/admission.js';
import { createResting } from './execute/resting.js';
import type { StopCause } from './execute/stop.js';
import { defaultInstanceId, processOwner } from './host/process-identity.js';
import { compileJob, retryOver } from './job/compile.js';
import { DISABLED_MESSAGE, validateJob, type Validation, type ValidJob } from './job/validate.js';
import type { RunRequest } from './plan/container-spec.js';
import { type Explanation, explainJob } from './plan/explain.js';
import { checkReadiness, type Readiness } from './readiness.js';
import type { RunResult } from './result.js';
import type { CallerIdentity, RunEnvironment } from './run-context.js';
import { type LiveRun, type RunHandle, type RunSummary, startRunHandle } from './run-handle.js';
import type { RunOptions } from './run-options.js';
import { resolvePorts, type RuntimePorts } from './runtime-ports.js';

/** What `explain` may be told of the options a run would get. */
export type ExplainOptions = Pick<RunOptions, 'parameters' | 'timeoutMs' | 'timeouts' | 'retry'>;

/** Runs jobs under one policy on one engine. */
export interface Runtime extends AsyncDisposable {
  /** Frozen; read once when the runtime was created. */
  readonly config: RuntimeConfig;
  /** Shape and policy together; never throws. */
  validate(definition: unknown): Validation<ValidJob>;
  /** What would be done and why, without an engine. Synchronous, pure, never throws; also on a disabled runtime. */
  explain(definition: unknown, options?: ExplainOptions): Explanation;
  /**
   * Runs a job to its end. Whatever the job comes to is a result; rejects only when there can be none.
   *
   * @throws `validation.invalid_job`, `policy.denied`, `runtime.disabled`, `runtime.closed`, `runtime.queue_full`, and the codes of
   * secrets, workspace, storage, image and engine.
   */
  runJob(definition: unknown, options?: RunOptions): Promise<RunResult>;
  /** Begins a job and returns at once; never throws: what is wrong is how the run ends. */
  startJob(definition: unknown, options?: RunOptions): RunHandle;
  /** Runs what a front door compiled; judged like any job. */
  run(request: RunRequest, options?: RunOptions): Promise<RunResult>;
  /** Begins what a front door compiled and returns at once. */
  startRun(request: RunRequest, options?: RunOptions): RunHandle;
  /** A live run, or one of the last that ended. */
  get(runId: string): RunHandle | undefined;
  /** Live runs and the last that ended, oldest first. */
  runs(): readonly RunSummary[];
  /** Whether a run would be taken now; asks the engine. Never rejects. */
  readiness(): Promise<Readiness>;
  /** Takes no more runs, lets live ones end for `drainMs` (default 0), then stops them, and resolves when all is cleaned up. */
  close(options?: { readonly drainMs?: number | undefined }): Promise<void>;
}

/** How many ended runs `get` and `runs` still know. */
const REMEMBERED_RUNS = 100;

/**
 * Makes a runtime. Reads nothing and connects to nothing before the first run or `readiness()`; an idle runtime does not keep the process alive.
 *
 * @throws `config.invalid`, listing every bad value.
 * @example
 * ```ts
 * await using runtime = createRuntime({ policy: { images: { allow: ['busybox:*'] } } });
 * const result = await runtime.runJob({ docker: { image: 'busybox:1', command: ['true'] } });
 * ```
 */
export function createRuntime(config: RuntimeConfigInput = {}, ports: RuntimePorts = {}): Runtime {
  const merged = parseConfig(config);
  const settled =
    merged.instanceId === null
      ? parseConfig(config, { instanceId: defaultInstanceId(merged.workspaceRoot) })
      : merged;
  return assemble(settled, ports);
}

function assemble(config: RuntimeConfig, ports: RuntimePorts): Runtime {
  const resolved = resolvePorts(ports);
  const source = createEngineSource(ports.engine, config.engine.host);
  const caller = callerIdentity();
  const live = new Map<string, LiveRun>();
  const ended = new Map<string, LiveRun>();
  let closing: Promise<void> | null = null;
  const environment: RunEnvironment = {
    config,
    ports: resolved,
    engine: async () => source.get(),
    admission: createAdmission(config.maxConcurrentRuns, config.maxQueuedRuns),
    resting: createResting(config.maxQueuedRuns),
    caller,
    // eslint-disable-next-line no-restricted-globals -- the pid is who we are, not the environment
    identity: { instance: config.instanceId ?? 'unknown', owner: processOwner(process.pid) },
  };

  const begin = (jobSlug: string | null, options: RunOptions, toRequest: () => RunRequest): RunHandle => {
    const runId = options.runId ?? resolved.createId();
    const isTaken = live.has(runId);
    const run = startRunHandle(environment, {
      runId,
      jobSlug,
      options,
      toRequest: () => {
        if (!config.enabled) throw disabled();
        if (closing !== null)
          throw new RuntimeError('runtime.closed', 'the runtime is closed and takes no more runs');
        if (isTaken) throw takenRunId(runId);
        return toRequest();
      },
    });
    if (isTaken) return run.handle;
    live.set(runId, run);
    const forget = (): void => {
      live.delete(runId);
      ended.set(runId, run);
      for (const oldest of ended.keys()) {
        if (ended.size <= REMEMBERED_RUNS) break;
        ended.delete(oldest);
      }
    };
    run.handle.result.then(forget, forget);
    return run.handle;
  };

  const startJob = (definition: unknown, options: RunOptions = {}): RunHandle =>
    begin(slugOf(definition), options, () => {
      const validation = validateJob(definition, config, { caller, rules: resolved.rules });
      if (!validation.ok) throw refusal(validation.issues);
      const { parameters, timeoutMs, timeouts, retry } = options;
      return compileJob(validation.job, { parameters, timeoutMs, timeouts, retry });
    });
  const startRun = (request: RunRequest, options: RunOptions = {}): RunHandle =>
    begin(request.job.slug, options, () => ({ ...request, retry: retryOver(request.retry, options.retry) }));

  const close = async (drainMs: number): Promise<void> => {
    const allEnded = Promise.allSettled([...live.values()].map(async ({ handle }) => handle.result));
    const stopAll = (): void => {
      const cause: StopCause = { reason: 'runtime_shutdown', by: 'caller', message: 'the runtime closed' };
      for (const run of live.values()) run.stop(cause);
    };
    if (drainMs <= 0) stopAll();
    const timer = setTimeout(stopAll, drainMs);
    await allEnded;
    clearTimeout(timer);
    await source.close();
  };

  const runtime: Runtime = {
    config,
    validate: (definition) => validateJob(definition, config, { caller, rules: resolved.rules }),
    explain: (definition, options = {}) =>
      explainJob(definition, config, { ...options, caller, rules: resolved.rules }),
    runJob: async (definition, options) => startJob(definition, options).result,
    startJob,
    run: async (request, options) => startRun(request, options).result,
    startRun,
    get: (runId) => (live.get(runId) ?? ended.get(runId))?.handle,
    runs: () => [...ended.values(), ...live.values()].map(({ handle }) => handle.summary()),
    readiness: async () =>
      checkReadiness(config, environment.engine, new Date(resolved.clock.now()).toISOString()),
    async close({ drainMs = 0 } = {}) {
      closing ??= close(drainMs);
      return closing;
    },
    [Symbol.asyncDispose]: async () => runtime.close(),
  };
  return runtime;
}

function callerIdentity(): CallerIdentity | null {
  // eslint-disable-next-line no-restricted-globals -- who we are decides which user a job may run as
  const { getuid, getgid } = process;
  return getuid === undefined || getgid === undefined ? null : { uid: getuid(), gid: getgid() };
}

function disabled(): RuntimeError {
  return new RuntimeError('runtime.disabled', DISABLED_MESSAGE, {
    hint: 'set enabled: true, or the environment variable that switches Docker jobs on',
  });
}

function takenRunId(runId: string): ValidationError {
  const message = `"${runId}" is the id of a run that is under way`;
  const issues: Issue[] = [{ code: 'validation.run_id_taken', path: 'options.runId', message }];
  return new ValidationError('validation.invalid_job', `options.runId ${message}`, { details: { issues } });
}

/** Shape first: a definition that is wrong in both ways is told about its shape. */
function refusal(issues: readonly Issue[]): ValidationError | PolicyError {
  const text = issues.map(({ path, message }) => `${path}: ${message}`).join('; ');
  const hint = issues.find((issue) => issue.hint !== undefined)?.hint;
  const isPolicyOnly = issues.every(({ code }) => code.startsWith('policy.'));
  return isPolicyOnly
    ? new PolicyError('policy.denied', text, { hint, details: { issues } })
    : new ValidationError('validation.invalid_job', text, { details: { issues } });
}

function slugOf(definition: unknown): string | null {
  try {
    const slug: unknown =
      typeof definition === 'object' && definition !== null ? Reflect.get(definition, 'slug') : null;
    return typeof slug === 'string' && slug.length <= 100 ? slug : null;
  } catch {
    return null;
  }
}
