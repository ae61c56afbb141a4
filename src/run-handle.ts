/** A run as its caller sees it: its id, its result, its events, and a way to end it. */
import { createAuditTrail } from './audit-trail.js';
import { notify } from './base/notify.js';
import { createEventLog } from './event-log.js';
import type { RunEvent } from './events.js';
import type { Queueing } from './execute/turns.js';
import { createStopSource, describeAbort, type StopCause, type StopSource } from './execute/stop.js';
import type { RunOutcome } from './outcome.js';
import type { RunRequest } from './plan/container-spec.js';
import { renewReceipt } from './receipt.js';
import type { RunResult } from './result.js';
import type { AdoptedRun } from './run-adoption.js';
import type { BeforeAttempt, RunPerformers } from './run-attempts.js';
import { CANCELLING, cancelledFields, endedFields } from './run-audit.js';
import { createRun, type Run, type RunEnvironment } from './run-context.js';
import { failureOf, toErrorRecord } from './run-ending.js';
import { createRunSecrets } from './run-leaks.js';
import { createRunJournal } from './run-journal.js';
import type { RunOptions } from './run-options.js';
import { createRunRecord, durationsOf } from './run-record.js';
import { redactedEvent, redactedMetadata } from './run-redaction.js';
import { followSignal } from './run-signal.js';
import type { RunSummary } from './run-summary.js';

/** A run that was begun. */
export interface RunHandle {
  readonly runId: string;
  /** Settles when everything is cleaned up. Never an unhandled rejection when nobody looks. */
  readonly result: Promise<RunResult>;
  /** Ends the run; its result is `cancelled`. Without effect on a run that has ended. */
  cancel(reason?: string): void;
  /** Every iteration replays from `run_start`, never throws, and ends after `run_end`. Breaking off does not cancel. */
  readonly events: AsyncIterable<RunEvent>;
  /** The run at a glance, as of now. */
  summary(): RunSummary;
}

/** What a runtime holds of a run. */
export interface LiveRun {
  readonly handle: RunHandle;
  stop(cause: StopCause): void;
}

/** The phases of a run that has no place: none yet, or none between two attempts. */
const WITHOUT_A_PLACE: readonly string[] = ['policy', 'queue', 'rest'];

/** Bytes of output an event log keeps for readers to come. */
const REPLAYED_OUTPUT_BYTES = 1024 * 1024;

/** What a run is begun with. */
interface RunParts {
  readonly runId: string;
  readonly jobSlug: string | null;
  readonly options: RunOptions;
  readonly queueing: Queueing;
  readonly performers: () => Promise<RunPerformers>;
  /** What is asked for; or a run that was taken over, which goes on where it stands. */
  readonly origin: { readonly toRequest: () => RunRequest } | { readonly adopted: AdoptedRun };
}

/** Begins a run and returns at once. `toRequest` may throw: then that is how the run ends. */
export function startRunHandle(environment: RunEnvironment, parts: RunParts): LiveRun {
  const { runId, jobSlug, options, origin } = parts;
  const adopted = 'adopted' in origin ? origin.adopted : undefined;
  const { clock, onEvent } = environment.ports;
  const log = createEventLog(REPLAYED_OUTPUT_BYTES);
  const timestamp = (): string => new Date(clock.now()).toISOString();
  const stop = createStopSource(timestamp);
  const { store, lease, lateWork } = environment;
  const isClaimed = adopted !== undefined;
  const journal = createRunJournal({
    store,
    lease,
    clock,
    lateWork,
    isClaimed,
    key: options.idempotencyKey ?? null,
  });
  const trail = createAuditTrail(environment.ports.audit, environment.currentConfig().auditMode);
  const facts = {
    runId,
    jobSlug,
    metadata: Object.freeze({ ...options.metadata }),
    startedAt: adopted?.run.startedAt ?? timestamp(),
    startedMs: clock.monotonic() - sinceMs(adopted, clock.now()),
    hasFiles: options.files !== undefined,
    secrets: createRunSecrets(options.secrets ?? {}, options.registryAuth),
  };
  const open = (before: BeforeAttempt): Run => {
    const attempt = (options.attempt ?? 1) + before.attempts.length;
    const record = createRunRecord({
      ...facts,
      attempt,
      attemptStartedAt: timestamp(),
      earlierAttempts: before.attempts,
    });
    record.warnings.push(...before.warnings);
    const append = (event: RunEvent): void => {
      const frozen = Object.freeze(redactedEvent(event, record.redactor));
      log.append(frozen);
      for (const listener of [options.onEvent, onEvent, environment.heard]) notify(listener, frozen);
    };
    return createRun(environment, {
      options: before.options,
      // A run that was taken is not lost for a full queue; how many rest between attempts is bounded.
      queueing: before.attempts.length > 0 ? 'patient' : parts.queueing,
      stop: createStopSource(timestamp, stop),
      record,
      journal,
      trail,
      append,
    });
  };
  let run = open({ attempts: [], warnings: [], options });
  const begin = (before: BeforeAttempt): Run => {
    run = open(before);
    run.emit('attempt_start', {});
    return run;
  };
  const recordStop = (): void => {
    const { cause } = stop;
    if (cause !== null && CANCELLING.has(cause.reason))
      run.putOnRecord('run_cancelled', cancelledFields(cause));
  };
  stop.signal.addEventListener('abort', recordStop);
  const unlink = linkSignal(options.signal, stop);
  let ended = false;
  const settle = (outcome: RunOutcome): void => {
    unlink();
    ended = true;
    run.emit('run_end', { ...outcome, durations: durationsOf(run.record, clock.monotonic()) });
  };

  /** What the store has to say to it becomes a warning, which is given back. */
  const writeEnd = async (outcome: RunOutcome): Promise<string | null> => {
    const problem = await journal.end(run, outcome);
    if (problem === null) return null;
    run.warn(problem);
    return run.record.redact(problem);
  };

  /** As `writeEnd`, for the audit trail. */
  const closeTrail = async (outcome: RunOutcome): Promise<string | null> => {
    // Who cancels a run that has ended ends nothing.
    stop.signal.removeEventListener('abort', recordStop);
    run.putOnRecord('run_ended', endedFields(outcome));
    const loss = await trail.close();
    if (loss === null) return null;
    run.warn(loss.message);
    return run.record.redact(loss.message);
  };
  const onRecord = async (told: RunResult): Promise<RunResult> => {
    const problem = await closeTrail({ outcome: 'result', result: told });
    return problem === null ? told : withWarning(told, problem);
  };

  const perform = async (): Promise<RunResult> => {
    const attempt = { options, stop, begin };
    if ('adopted' in origin) {
      const { performAdoption } = await parts.performers();
      return performAdoption({ adopted: origin.adopted, ...attempt });
    }
    // Taken or refused by how things stand now, not by how they do when the code that performs it is there.
    const toRequest = answerOf(origin.toRequest);
    const { performAttempts } = await parts.performers();
    return performAttempts({ toRequest, environment, ...attempt });
  };
  const execute = async (): Promise<RunResult> => {
    // The handle is returned before anything happens, so that a listener may already use it.
    await Promise.resolve();
    run.emit('run_start', { jobSlug });
    try {
      const result = await perform();
      const written = await writeEnd({ outcome: 'result', result });
      const told = await onRecord(written === null ? result : withWarning(result, written));
      settle({ outcome: 'result', result: told });
      return told;
    } catch (error) {
      const typed = failureOf(error, run.record, undefined);
      const outcome: RunOutcome = { outcome: 'error', error: toErrorRecord(typed) };
      await writeEnd(outcome);
      await closeTrail(outcome);
      settle(outcome);
      throw typed;
    }
  };
  const result = execute();
  result.catch(() => undefined);

  return {
    stop: (cause) => {
      stop.stop(cause);
    },
    handle: {
      runId,
      result,
      events: log.events,
      cancel(reason) {
        stop.stop({ reason: 'cancelled', by: 'caller', message: describeAbort(reason) });
      },
      summary: () => ({
        runId,
        jobSlug,
        state: ended ? 'ended' : WITHOUT_A_PLACE.includes(run.record.phase) ? 'queued' : 'running',
        phase: run.record.phase,
        attempt: run.record.attempt,
        startedAt: facts.startedAt,
        concurrencyKey: options.concurrencyKey ?? null,
        metadata: redactedMetadata(facts.metadata, run.record.redactor),
      }),
    },
  };
}

/** How long a run that was taken over has been under way, by the clocks of two processes. */
function sinceMs(adopted: AdoptedRun | undefined, nowMs: number): number {
  return adopted === undefined ? 0 : Math.max(0, nowMs - Date.parse(adopted.run.startedAt));
}

function withWarning(result: RunResult, warning: string): RunResult {
  const warned = { ...result, warnings: [...result.warnings, warning] };
  const { receipt } = result;
  return { ...warned, receipt: receipt === null ? null : renewReceipt(receipt, warned) };
}

/** Ends the run when the caller's signal is aborted, also if it already is. */
function linkSignal(signal: AbortSignal | undefined, stop: StopSource): () => void {
  if (signal === undefined) return () => undefined;
  const cancel = (): void => {
    stop.stop({ reason: 'cancelled', by: 'caller', message: describeAbort(signal.reason) });
  };
  if (signal.aborted) cancel();
  return followSignal(signal, cancel);
}

/** Asks now: the answer, or what is thrown, whenever it is called. */
function answerOf<T>(ask: () => T): () => T {
  try {
    const answer = ask();
    return () => answer;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
