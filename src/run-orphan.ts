/** The end of a run whose process died, put together from what it wrote down. It finishes nothing itself. */
import type { RunEvent } from './events.js';
import type { RunOutcome } from './outcome.js';
import { containerFactsOf } from './recovery/adoptable.js';
import { lastStep } from './recovery/stored-steps.js';
import type { DeathFacts } from './recovery/finish-runs.js';
import { createReceipt } from './receipt.js';
import type { AttemptReport, RunResult } from './result.js';
import { createRunSecrets } from './run-leaks.js';
import { createRunRecord, durationsOf, type RunRecord, toRunResult } from './run-record.js';
import type { StoredRun } from './run-store/types.js';

/** As it had ended already, with a warning, if that was known; else `failed`/`orphaned`. */
export function orphanOutcome(run: StoredRun, facts: DeathFacts, at: string): RunOutcome {
  const { settled, proof, outputs } = facts;
  if (settled === null) return { outcome: 'result', result: orphanResult(run, facts, at) };
  if (settled.outcome === 'error') return settled;
  const warning = `the process that ran it died while it cleaned up, and this end was written down by another one: ${proof}`;
  const warnings = [...settled.result.warnings, warning, ...outputs];
  return { outcome: 'result', result: sealed(run, { ...settled.result, warnings }) };
}

/** With a receipt, as far as the process that ran it wrote down what that needs. */
function sealed(run: StoredRun, result: RunResult): RunResult {
  const { receipt } = run;
  if (receipt === undefined) return result;
  const policy = containerFactsOf(run, result.attempt)?.policyHash ?? receipt.policy;
  return { ...result, receipt: createReceipt({ request: receipt.request, policy }, result) };
}

function orphanResult(run: StoredRun, { proof, outputs }: DeathFacts, at: string): RunResult {
  const record = recordOf(run);
  const step = lastStep(run.steps);
  const said = (what: string, when = at): RunResult['evidence'][number] => ({
    by: 'watcher',
    what,
    at: when,
  });
  const progress = step === undefined ? [] : [said(`the last step it wrote down is "${step.name}"`, step.at)];
  const verdict = {
    reason: 'orphaned',
    exitCode: null,
    signal: null,
    oomKilled: null,
    evidence: [
      said(`the process that ran it is dead: ${proof}`),
      ...progress,
      ...outputs.map((what) => said(what)),
    ],
  } as const;
  return sealed(run, toRunResult(record, run.plan, verdict, { endedAt: at, nowMs: totalMs(run, at) }));
}

/** What listeners hear of such an end. */
export function orphanEnd(
  run: StoredRun,
  outcome: RunOutcome,
  at: string,
): Extract<RunEvent, { type: 'run_end' }> {
  const { attempt, metadata } = recordOf(run);
  const durations =
    outcome.outcome === 'result' ? outcome.result.durations : durationsOf(recordOf(run), totalMs(run, at));
  return { type: 'run_end', runId: run.runId, attempt, at, metadata, ...outcome, durations };
}

/** By the clocks of two processes: never less than nothing. */
const totalMs = ({ startedAt }: StoredRun, at: string): number =>
  Math.max(0, Date.parse(at) - Date.parse(startedAt));

function recordOf(run: StoredRun): RunRecord {
  const { runId, jobSlug, metadata, startedAt, steps, plan } = run;
  const attempt = lastStep(steps)?.attempt ?? 1;
  const attemptStartedAt = steps.find((step) => step.attempt === attempt)?.at ?? startedAt;
  const facts = containerFactsOf(run, attempt);
  const record = createRunRecord({
    runId,
    attempt,
    jobSlug,
    metadata,
    startedAt,
    startedMs: 0,
    attemptStartedAt,
    earlierAttempts: earlierAttemptsOf(run, attempt),
    hasFiles: false,
    secrets: createRunSecrets({}),
  });
  record.plan = plan;
  record.logsComplete = false;
  if (facts === null) return record;
  record.imageDigest = facts.imageDigest;
  record.inputs = facts.inputs;
  record.given = facts.given;
  return record;
}

/** Those before an attempt, as its process wrote down how they ended. */
export function earlierAttemptsOf(
  { steps, startedAt }: StoredRun,
  attempt: number,
): readonly AttemptReport[] {
  return steps.flatMap((step): readonly AttemptReport[] =>
    step.name === 'settled' && step.attempt !== attempt ? [attemptOf(step, startedAt)] : [],
  );
}

function attemptOf(
  { attempt, at, outcome }: Extract<StoredRun['steps'][number], { readonly name: 'settled' }>,
  startedAt: string,
): AttemptReport {
  const report = outcome.outcome === 'result' ? outcome.result.attempts.at(-1) : undefined;
  if (report !== undefined) return report;
  const { code, message } = outcome.outcome === 'error' ? outcome.error : { code: null, message: '' };
  return { attempt, status: null, reason: null, code, message, startedAt, endedAt: at };
}
