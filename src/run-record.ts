/** What is found out in the course of a run, gathered until it becomes a result. */
import { shortened } from './base/one-line.js';
import { createRedactor, type Redactor } from './base/redact.js';
import type { OutputCollector } from './execute/output.js';
import type { Verdict } from './execute/verdict.js';
import { hintsFor } from './hints.js';
import type { ImageProgram } from './plan/hidden-program.js';
import type { RunPlan } from './plan/run-plan.js';
import {
  REASONS,
  type AttemptReport,
  type CapturedStream,
  type Durations,
  type GivenReport,
  type InputReport,
  type OutputReport,
  type RunResult,
  type Usage,
} from './result.js';
import { describeEnd } from './run-message.js';
import type { RunSecrets } from './run-leaks.js';

/** The phases of a run that are timed. */
export type TimedPhase = Exclude<keyof Durations, 'totalMs'>;

/** The facts of one attempt, filled in as the run goes on. */
export interface RunRecord {
  readonly runId: string;
  readonly attempt: number;
  readonly jobSlug: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  /** Of the run. */
  readonly startedAt: string;
  readonly startedMs: number;
  readonly attemptStartedAt: string;
  /** Those before this one. */
  readonly earlierAttempts: readonly AttemptReport[];
  readonly hasFiles: boolean;
  /** Another run stands for this one, by its idempotency key: how that one ended is how this one ends. */
  isJoined: boolean;
  phase: string;
  plan: RunPlan | null;
  imageDigest: string | null;
  /** What it says of programs and volumes; null: it was not looked at. */
  image: ImageProgram | null;
  /** Of the policy it was let in under, where another process knew it; null: that of now. */
  policyHash: string | null;
  containerName: string | null;
  verdict: Verdict | null;
  output: OutputCollector | null;
  logsComplete: boolean;
  usage: Usage | null;
  kept: RunResult['kept'];
  inputs: readonly InputReport[];
  given: GivenReport;
  outputs: readonly OutputReport[];
  readonly warnings: string[];
  readonly durations: Record<TimedPhase, number | null>;
  /** Every secret any attempt of the run has known, and where one turned up: the next one may meet what the last one left. */
  readonly secrets: RunSecrets;
  /** Knows no secrets until they are resolved. */
  redactor: Redactor;
  /** Takes out of a text the secrets known so far. */
  readonly redact: (text: string) => string;
}

/** What an attempt's record begins with. */
export type RunFacts = Pick<
  RunRecord,
  | 'runId'
  | 'attempt'
  | 'jobSlug'
  | 'metadata'
  | 'startedAt'
  | 'startedMs'
  | 'attemptStartedAt'
  | 'earlierAttempts'
  | 'hasFiles'
  | 'secrets'
>;

/** An empty record that already knows the secrets the caller gave with the run, and those of earlier attempts. */
export function createRunRecord(fields: RunFacts): RunRecord {
  const record: RunRecord = {
    ...fields,
    isJoined: false,
    phase: 'policy',
    plan: null,
    imageDigest: null,
    image: null,
    policyHash: null,
    containerName: null,
    verdict: null,
    output: null,
    logsComplete: true,
    usage: null,
    kept: null,
    inputs: [],
    given: { files: [], stdin: null },
    outputs: [],
    warnings: [],
    durations: { queueMs: null, pullMs: null, stageMs: null, createMs: null, runMs: null, collectMs: null },
    redactor: createRedactor(fields.secrets.values()),
    redact: (text) => record.redactor.text(text),
  };
  return record;
}

const NOTHING: CapturedStream = { text: '', totalBytes: 0, droppedChars: 0 };

/** The durations so far. */
export function durationsOf(record: RunRecord, nowMs: number): Durations {
  const whole = (milliseconds: number): number => Math.round(milliseconds * 10) / 10;
  const { queueMs, pullMs, stageMs, createMs, runMs, collectMs } = record.durations;
  const rounded = (value: number | null): number | null => (value === null ? null : whole(value));
  return {
    queueMs: rounded(queueMs),
    pullMs: rounded(pullMs),
    stageMs: rounded(stageMs),
    createMs: rounded(createMs),
    runMs: rounded(runMs),
    collectMs: rounded(collectMs),
    totalMs: whole(nowMs - record.startedMs),
  };
}

const MAX_MESSAGE_CHARS = 500;

/** The account of one attempt; `message` is redacted already. */
export function toAttemptReport(
  { attempt, attemptStartedAt }: RunRecord,
  end: Pick<AttemptReport, 'status' | 'reason' | 'code' | 'message'>,
  endedAt: string,
): AttemptReport {
  const { status, reason, code, message } = end;
  const shown = shortened(message, MAX_MESSAGE_CHARS);
  return { attempt, status, reason, code, message: shown, startedAt: attemptStartedAt, endedAt };
}

/** The result of a run that was planned and came to a verdict. */
export function toRunResult(
  record: RunRecord,
  plan: RunPlan,
  verdict: Verdict,
  end: { readonly endedAt: string; readonly nowMs: number },
): RunResult {
  const { status, category, retryable } = REASONS[verdict.reason];
  const stdout = record.output?.stream('stdout') ?? NOTHING;
  const stderr = record.output?.stream('stderr') ?? NOTHING;
  const lastLog = record.output?.lastLog() ?? null;
  const troubled = record.outputs
    .filter(({ state }) => state === 'missing' || state === 'rejected')
    .map(({ workspacePath }) => workspacePath);
  const message = describeEnd({
    verdict,
    plan,
    containerName: record.containerName,
    stdout,
    stderr,
    lastLog,
    outputs: troubled,
    redact: record.redact,
  });
  const { runId, attempt, jobSlug, startedAt } = record;
  const result = {
    schemaVersion: 1,
    runId,
    attempt,
    attempts: [
      ...record.earlierAttempts,
      toAttemptReport(record, { status, reason: verdict.reason, code: null, message }, end.endedAt),
    ],
    jobSlug,
    status,
    reason: verdict.reason,
    category,
    retryable,
    message,
    hints: hintsFor({
      reason: verdict.reason,
      exitCode: verdict.exitCode,
      said: verdict.evidence[0]?.what ?? '',
      stderr: stderr.text ?? '',
      plan,
      image: record.image,
      hasFiles: record.hasFiles,
      usage: record.usage,
    }),
    warnings: record.warnings.map(record.redact),
    exitCode: verdict.exitCode,
    signal: verdict.signal,
    oomKilled: verdict.oomKilled,
    evidence: verdict.evidence.map((evidence) => ({ ...evidence, what: record.redact(evidence.what) })),
    image: { reference: plan.image.reference, digest: record.imageDigest },
    containerName: record.containerName,
    decision: plan.decision,
    startedAt,
    endedAt: end.endedAt,
    durations: durationsOf(record, end.nowMs),
    stdout,
    stderr,
    lastLog,
    logsComplete: record.logsComplete,
    inputs: record.inputs,
    given: record.given,
    outputs: record.outputs,
    secretLeaks: record.secrets.leaks(),
    usage: record.usage,
    metadata: record.metadata,
    receipt: null,
    kept: record.kept,
  };
  // The table of reasons ties status, category and reason together, which the type system cannot follow through a look-up.
  return result as RunResult;
}
