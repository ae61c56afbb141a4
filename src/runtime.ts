/** The composition root: puts configuration and ports together, starts runs, and closes. It reads nothing but its own code until the first run. */
import { parseConfig } from './config/parse.js';
import type { RuntimeConfig, RuntimeConfigInput } from './config/runtime-config.js';
import { createEngineBudget, turnLimitsOf } from './engine-budget.js';
import { createEngineInfoCache } from './engine-info.js';
import { createEngineSource } from './engine-source.js';
import type { ContainerEngine } from './engine/types.js';
import type { RuntimeError } from './errors.js';
import { createAdmission } from './execute/admission.js';
import { createDiskGuard } from './execute/disk-guard.js';
import { createResting } from './execute/resting.js';
import { createTransportMemory } from './execute/transport-proof.js';
import { createVolumeLooks } from './execute/volume-looks.js';
import { describeAbort } from './execute/stop.js';
import { defaultInstanceId, machineIdentity, processOwner } from './host/process-identity.js';
import { thisProcess } from './host/this-process.js';
import { renderMetrics } from './metrics.js';
import type { PolicyInput } from './policy/policy.js';
import { checkReadiness } from './readiness.js';
import { holdLease } from './recovery/owner-lease.js';
import type { RunEnvironment } from './run-context.js';
import { runJobs } from './run-jobs.js';
import { createRunBeginner } from './runtime-begin.js';
import { requireUsableOptions } from './runtime-call-options.js';
import { createDoctor } from './runtime-doctor.js';
import { createCancelListener } from './runtime-cancel-listener.js';
import { cancelRun } from './runtime-cancels.js';
import { CLOSING, createClosing, type OtherWork } from './runtime-closing.js';
import { callerIdentity, defaultStore, hostDefaults } from './runtime-defaults.js';
import { explainFor, validateFor } from './runtime-explain.js';
import { createKeptThings } from './runtime-kept.js';
import type { Runtime } from './runtime-contract.js';
import { listOpenRuns } from './runtime-open-runs.js';
import { requireUsablePorts } from './runtime-port-checks.js';
import { resolvePorts, type RuntimePorts } from './runtime-ports.js';
import { closed, disabled } from './runtime-refusals.js';
import { createImages } from './runtime-images.js';
import { loadDeeds } from './runtime-loading.js';
import { createRuntimeReports } from './runtime-reports.js';
import { createRuntimeRecovery } from './runtime-recovery.js';
import { createLateWork } from './run-late-work.js';
import { knownTransport } from './run-transport.js';
import { statsOf } from './runtime-stats.js';
import type { RuntimeStats } from './stats.js';
import { createRuntimeRuns } from './runtime-runs.js';
import { createStarters } from './runtime-starters.js';
import { diskShortage } from './workspace/disk-shortage.js';

/**
 * Makes a runtime. Reads nothing but its own code and connects to nothing before the first run or `readiness()`; an idle runtime does not keep the process alive.
 * Where nothing names a `workspaceRoot` it is `berthkit-<uid>` where the system keeps temporary files (`os.tmpdir()`).
 *
 * @throws `config.invalid`, listing every bad value; also for ports that cannot be used, and for rules without a usable id.
 * @example
 * ```ts
 * await using runtime = createRuntime({ policy: { images: { allow: ['busybox:*'] } } });
 * const result = await runtime.runJob({ docker: { image: 'busybox:1', command: ['true'] } });
 * ```
 */
export function createRuntime(config: RuntimeConfigInput = {}, ports: RuntimePorts = {}): Runtime {
  requireUsablePorts(ports);
  const beneath = hostDefaults();
  const merged = parseConfig(beneath, config);
  const settled =
    merged.instanceId === null
      ? parseConfig(beneath, config, { instanceId: defaultInstanceId(merged.workspaceRoot) })
      : merged;
  // What cannot be loaded is told by whatever needs it, which tries again.
  if (settled.enabled) void loadDeeds().catch(() => undefined);
  return assemble(settled, ports);
}

function assemble(given: RuntimeConfig, ports: RuntimePorts): Runtime {
  let config = given;
  const resolved = resolvePorts(ports);
  const source = createEngineSource(ports.engine, config);
  const engine = async (): Promise<ContainerEngine> => source.get();
  const caller = callerIdentity();
  const runs = createRuntimeRuns();
  const lateWork = createLateWork();
  const identity = { instance: config.instanceId ?? 'unknown', owner: processOwner(thisProcess.pid) };
  const reports = createRuntimeReports({ ports: resolved, auditMode: config.auditMode, identity });
  const engineInfo = createEngineInfoCache(engine, resolved.clock, reports);
  const kept = createKeptThings({
    config: () => config,
    engine: async () => source.get(),
    instance: identity.instance,
    clock: resolved.clock,
  });
  const imageCalls: OtherWork = {
    stop: () => {
      images.calls.stop();
    },
    settled: async () => images.calls.settled(),
  };
  const closing = createClosing(runs, imageCalls, async () => {
    await recovery.stop();
    // Those it adopted meanwhile.
    await runs.stop({}, CLOSING);
    await lateWork.settle();
    lease.stop();
    await cancels.stop();
    await images.stop();
    await doctor.stop();
    recovery.handOver();
    await reports.close();
    const report = { kept: await kept.settle() };
    await source.close();
    return report;
  });
  const budget = createEngineBudget(config, engineInfo);
  const admission = createAdmission(turnLimitsOf(config, budget.current), budget.learn);
  const resting = createResting(config.maxQueuedRuns);
  const timestamp = (): string => new Date(resolved.clock.now()).toISOString();
  const store = ports.runStore ?? defaultStore(config);
  const machine = machineIdentity();
  const lease = holdLease({
    ...identity,
    store,
    machine,
    everyMs: config.recovery.leaseMs,
    timestamp,
  });
  const recovery = createRuntimeRecovery({
    config,
    ports: resolved,
    engine,
    store,
    identity,
    machine,
    caller,
    reports,
    lease,
    runs,
    isClosing: () => closing.hasBegun,
    sweepKept: async () => kept.sweep(),
    adopt: (adopted) => {
      beginner.adopt(adopted);
    },
  });
  const cancelling = {
    ...{ store, identity, runs, timestamp, judge: recovery.judge },
    monotonic: () => resolved.clock.monotonic(),
  };
  const cancels = createCancelListener({ store, instance: identity.instance, runs });
  const images = createImages({
    ...{ source, reports, ports: resolved, instance: identity.instance },
    config: () => config,
    refusal: () => refusal(),
  });
  const doctor = createDoctor({
    ...{ config: () => config, ports: resolved, engine, identity, caller, admission },
    onLeftover: (id) => {
      recovery.noteLeftover(id);
    },
  });
  const environment: RunEnvironment = {
    currentConfig: () => config,
    ports: resolved,
    engine,
    engineInfo: async () => (await engineInfo.get()).info,
    transports: createTransportMemory(),
    admission,
    dockerProxies: source.dockerProxies,
    ...images.forRuns,
    diskGuard: createDiskGuard(),
    volumeLooks: createVolumeLooks(),
    resting,
    caller,
    store,
    lease,
    lateWork,
    recoverIfDead: recovery.recoverIfDead,
    audit: reports.audit,
    examined: doctor.summary,
    heard: reports.heard,
    surroundings: reports,
    liveResult: (runId) => (runs.isLive(runId) ? runs.get(runId)?.result : undefined),
    identity,
    onKept: () => {
      kept.noteKept();
    },
    onLeftover: (leftover) => {
      recovery.noteLeftover(leftover.runId);
      reports.quarantined(leftover);
    },
  };
  const stats = (): RuntimeStats =>
    statsOf({ at: timestamp(), admission, resting, recovery, budget, isClosed: closing.hasBegun, reports });
  const judging = { caller, rules: resolved.rules };
  const refusal = (): RuntimeError | null => {
    if (!config.enabled) return disabled();
    return closing.hasBegun ? closed() : null;
  };

  const beginner = createRunBeginner({
    ...{ environment, runs, admission, recovery, cancels, kept, engineInfo, reports, refusal },
    config: () => config,
    createId: () => resolved.createId(),
  });
  const { startJob, startRun, starter } = createStarters({
    ...{ judging, refusal, begin: beginner.begin },
    config: () => config,
  });

  const runtime: Runtime = {
    images: images.facet,
    get config() {
      return config;
    },
    validate: (definition, options = {}) => validateFor(definition, config, options, judging),
    explain: (definition, options = {}) =>
      explainFor(definition, config, options, {
        ...{ ...judging, engine: engineInfo.known() },
        transport: knownTransport(config, source.known(), environment.transports),
      }),
    runJob: async (definition, options) => startJob(definition, options).result,
    startJob,
    run: async (request, options) => startRun(request, options).result,
    startRun,
    runJobs: (definitions, options = {}) => runJobs(starter, definitions, options),
    get: (runId) => runs.get(runId),
    runs: (filter = {}) => runs.summaries(filter),
    async openRuns(options = {}) {
      requireUsableOptions('openRuns', options);
      const { all = false } = options;
      if (closing.hasBegun) throw closed();
      const { workspaceRoot, labelPrefix } = config;
      const [found, judge] = [await engine(), await recovery.judge()];
      return listOpenRuns({
        ...{ engine: found, store, judge, workspaceRoot, labelPrefix, all },
        instance: identity.instance,
      });
    },
    async cancelRun(runId, options = {}) {
      requireUsableOptions('cancelRun', options);
      return cancelRun(runId, options, cancelling);
    },
    updatePolicy(policy) {
      // A forgotten argument is an error: it must not mean the default, which lets any image run.
      const whole = (policy as unknown) ?? null;
      const { policy: before } = config;
      config = parseConfig({ ...config, policy: whole as PolicyInput });
      reports.policyChanged(before, config.policy);
    },
    pause() {
      admission.pause();
    },
    resume() {
      admission.resume();
    },
    async cancelAll(options = {}) {
      requireUsableOptions('cancelAll', options);
      const { filter = {}, reason } = options;
      return runs.stop(filter, { reason: 'cancelled', by: 'caller', message: describeAbort(reason) });
    },
    readiness: async () =>
      checkReadiness({
        get config() {
          return config;
        },
        get isClosed() {
          return closing.hasBegun;
        },
        rules: resolved.rules,
        admission,
        rootProblem: async () => (await loadDeeds()).rootProblem(config.workspaceRoot, 'workspaceRoot'),
        diskShortage: async () => {
          const shortage = await diskShortage(config.workspaceRoot, config.workspace);
          reports.diskChecked(shortage);
          return shortage;
        },
        engineInfo,
        doctor: doctor.summary,
        clock: resolved.clock,
      }),
    async doctor(options = {}) {
      requireUsableOptions('doctor', options);
      if (closing.hasBegun) throw closed();
      return doctor.examine(options);
    },
    stats,
    metrics: async () => Promise.resolve(renderMetrics(stats())),
    async reconcile(options = {}) {
      requireUsableOptions('reconcile', options);
      const { dryRun = false, adopts = true } = options;
      if (closing.hasBegun) throw closed();
      if (!dryRun) await kept.sweep();
      return recovery.reconcile({ dryRun, adopts });
    },
    async close(options = {}) {
      requireUsableOptions('close', options);
      return closing.close(options.drainMs ?? 0);
    },
    [Symbol.asyncDispose]: async () => {
      await runtime.close();
    },
  };
  return runtime;
}
