/** What spans say, out of events: pure tables. Ids, numbers and words from closed lists; it makes no span. */
import type { Attributes } from '@opentelemetry/api';
import type { RunEvent, RunEventType } from '../events.js';
import type { RunOutcome } from '../outcome.js';
import { type Reason, REASONS, type RunStatus } from '../result.js';

/** The parts of an attempt that have a span of their own. */
export type Phase = 'queue' | 'pull' | 'stage' | 'secrets' | 'run' | 'collect' | 'upload' | 'cleanup';

/** The phase that begins with an event. */
export const BEGINS: Readonly<Partial<Record<RunEventType, Phase>>> = {
  queue_start: 'queue',
  pull_start: 'pull',
  stage_start: 'stage',
  secrets_start: 'secrets',
  container_started: 'run',
  collect_start: 'collect',
  upload_start: 'upload',
  cleanup_start: 'cleanup',
};

/** The phase that ends with an event. */
export const ENDS: Readonly<Partial<Record<RunEventType, Phase>>> = {
  queue_end: 'queue',
  pull_end: 'pull',
  stage_end: 'stage',
  secrets_end: 'secrets',
  container_exited: 'run',
  collect_end: 'collect',
  upload_end: 'upload',
  cleanup_end: 'cleanup',
};

/** How something ended. */
export interface End {
  readonly status: RunStatus | null;
  readonly reason: Reason | null;
  /** The error's; null where there is an outcome. */
  readonly code: string | null;
}

/** The end in a terminal state. */
export function endOf(outcome: RunOutcome): End {
  if (outcome.outcome === 'error') return { status: null, reason: null, code: outcome.error.code };
  const { status, reason } = outcome.result;
  return { status, reason, code: null };
}

/** What is told as `error.type`; null for what succeeded, and for what its caller cancelled: that did as it was told. */
export function errorTypeOf({ status, reason, code }: End): string | null {
  if (code !== null) return code;
  if (status === 'succeeded' || reason === null) return null;
  // Another version may have ended a run that this one only hears of.
  const facts = Object.hasOwn(REASONS, reason) ? REASONS[reason] : null;
  return facts?.category === 'caller' ? null : reason;
}

/** Of a phase whose event says how it went; else null. A program is in error where it does not exit with 0, as by the conventions for `cli` spans. */
export function phaseErrorType(event: RunEvent): string | null {
  if (event.type !== 'container_exited' || event.exitCode === 0) return null;
  return event.exitCode === null ? '_OTHER' : String(event.exitCode);
}

/** Letters, digits, `_` and `-`: a definition that was not checked yet may say anything. */
const SLUG = /^[a-z0-9][a-z0-9_-]{0,99}$/i;

/**
 * The attributes an event adds to its span: those of the run, the attempt or the phase. Where OpenTelemetry has a name, it is that one:
 * `container.id`, `container.name`, `oci.manifest.digest`, `process.exit.code`
 * ({@link https://opentelemetry.io/docs/specs/semconv/registry/attributes/ | attribute registry}).
 */
export function attributesOf(event: RunEvent): Attributes {
  switch (event.type) {
    case 'run_start':
      return {
        'berthkit.run.id': event.runId,
        ...(event.jobSlug !== null && SLUG.test(event.jobSlug) ? { 'berthkit.job.slug': event.jobSlug } : {}),
      };
    case 'run_end':
      return { 'berthkit.run.id': event.runId, ...outcomeAttributes(event) };
    case 'attempt_start':
      return { 'berthkit.run.id': event.runId, 'berthkit.attempt.number': event.attempt };
    case 'attempt_end':
      return {
        ...endAttributes('attempt', event),
        ...(event.retryInMs === null ? {} : { 'berthkit.attempt.retry_in_ms': event.retryInMs }),
      };
    case 'pull_end':
      return event.digest === null ? {} : { 'oci.manifest.digest': event.digest };
    case 'container_created':
      return { 'container.id': event.containerId, 'container.name': event.containerName };
    case 'container_exited':
      return event.exitCode === null ? {} : { 'process.exit.code': event.exitCode };
    case 'stage_end':
    case 'collect_end':
    case 'upload_start':
      return { 'berthkit.files.count': event.files, 'berthkit.files.size_bytes': event.sizeBytes };
    case 'secrets_start':
      return { 'berthkit.secrets.count': event.secrets };
    default:
      return {};
  }
}

function outcomeAttributes(event: Extract<RunEvent, { type: 'run_end' }>): Attributes {
  const attributes = endAttributes('run', endOf(event));
  if (event.outcome === 'error') return attributes;
  const { runId, attempts } = event.result;
  // By its idempotency key: the result is another run's.
  const joined = runId === event.runId ? {} : { 'berthkit.run.joined_id': runId };
  return { ...attributes, 'berthkit.run.attempts': attempts.length, ...joined };
}

function endAttributes(of: 'run' | 'attempt', { status, reason }: End): Attributes {
  return {
    ...(status === null ? {} : { [`berthkit.${of}.status`]: status }),
    ...(reason === null ? {} : { [`berthkit.${of}.reason`]: reason }),
  };
}
