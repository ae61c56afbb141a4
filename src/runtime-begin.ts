/** How runs of a runtime begin: as they are asked for, or where a dead process left them. Everything else of a run is elsewhere. */
import type { RuntimeConfig } from './config/runtime-config.js';
import type { EngineInfoCache } from './engine-info.js';
import { JobRuntimeError, type RuntimeError } from './errors.js';
import type { Admission } from './execute/admission.js';
import type { Queueing } from './execute/turns.js';
import type { RunRequest } from './plan/container-spec.js';
import type { AdoptedRun } from './run-adoption.js';
import type { RunEnvironment } from './run-context.js';
import { type LiveRun, type RunHandle, startRunHandle } from './run-handle.js';
import { checkOptions } from './run-option-checks.js';
import type { RunOptions } from './run-options.js';
import { earlierAttemptsOf } from './run-orphan.js';
import { takenRunId } from './run-refusals.js';
import type { CancelListener } from './runtime-cancel-listener.js';
import type { KeptThings } from './runtime-kept.js';
import type { RuntimeRecovery } from './runtime-recovery.js';
import { loadDeeds } from './runtime-loading.js';
import { paused, unusable } from './runtime-refusals.js';
import type { RuntimeReports } from './runtime-reports.js';
import type { RuntimeRuns } from './runtime-runs.js';

/** A run that is to begin. */
interface RunIntent {
  readonly jobSlug: string | null;
  /** As they were given: anything. */
  readonly options: unknown;
  readonly queueing: Queueing;
  /** Asked only if the options are right. May throw: then that is how the run ends. */
  readonly toRequest: () => RunRequest;
}

/** Who begins runs, and who is told of them. */
export interface BeginOptions {
  readonly environment: RunEnvironment;
  readonly config: () => RuntimeConfig;
  readonly runs: RuntimeRuns;
  readonly admission: Pick<Admission, 'isPaused'>;
  readonly recovery: Pick<RuntimeRecovery, 'begin'>;
  readonly cancels: Pick<CancelListener, 'begin' | 'rest'>;
  readonly kept: Pick<KeptThings, 'sweepIfDue'>;
  readonly engineInfo: Pick<EngineInfoCache, 'forget'>;
  readonly reports: Pick<RuntimeReports, 'engineFailed' | 'diskChecked'>;
  /** Why nothing is taken now; null: it is. */
  readonly refusal: () => RuntimeError | null;
  readonly createId: () => string;
}

/** The beginnings of runs of one runtime. */
export interface RunBeginner {
  readonly begin: (intent: RunIntent) => RunHandle;
  readonly adopt: (adopted: AdoptedRun) => void;
}

/** Begins nothing by itself. */
export function createRunBeginner(given: BeginOptions): RunBeginner {
  const { environment, runs, admission, recovery, cancels, kept, engineInfo, reports, refusal } = given;

  const hear = (run: LiveRun): void => {
    cancels.begin();
    const onEnd = (): void => {
      cancels.rest();
      if (given.config().enabled) kept.sweepIfDue();
    };
    run.handle.result.then(onEnd, onEnd);
    run.handle.result.catch((error: unknown) => {
      if (!JobRuntimeError.isInstance(error)) return;
      reports.engineFailed(error);
      if (error.code === 'engine.unreachable') engineInfo.forget();
      if (error.code === 'runtime.disk_low') reports.diskChecked(error.message);
    });
  };

  return {
    begin({ jobSlug, options: asked, queueing, toRequest }) {
      const { options, issues } = checkOptions(asked, given.config().retention);
      const runId = options.runId ?? given.createId();
      const isTaken = runs.isLive(runId);
      const accepted = (): RunRequest => {
        if (issues.length > 0) throw unusable(issues);
        const refused = refusal();
        if (refused !== null) throw refused;
        if (admission.isPaused && queueing === 'bounded') throw paused();
        recovery.begin(runId);
        if (isTaken && options.idempotencyKey === undefined) throw takenRunId(runId);
        return toRequest();
      };
      const parts = {
        runId,
        jobSlug,
        options,
        queueing,
        performers: loadDeeds,
        origin: { toRequest: accepted },
      };
      const run = startRunHandle(environment, parts);
      if (!isTaken) runs.add(run);
      hear(run);
      return run.handle;
    },
    adopt(adopted) {
      const { runId, jobSlug, metadata, key } = adopted.run;
      const { profile, concurrencyKey, maxLogChars, retention } = adopted.facts.options;
      const options: RunOptions = {
        runId,
        metadata,
        // Of the first attempt: those before this one are counted from it.
        attempt: adopted.attempt - earlierAttemptsOf(adopted.run, adopted.attempt).length,
        idempotencyKey: key ?? undefined,
        profile: profile ?? undefined,
        concurrencyKey: concurrencyKey ?? undefined,
        maxLogChars: maxLogChars ?? undefined,
        retention,
      };
      const parts = {
        runId,
        jobSlug,
        options,
        queueing: 'patient',
        performers: loadDeeds,
        origin: { adopted },
      } as const;
      const run = startRunHandle(environment, parts);
      runs.add(run);
      hear(run);
    },
  };
}
