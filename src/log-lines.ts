/** What is logged of events, and at which level: a pure table. It writes nothing; events are redacted already. */
import { ERROR_CODES } from './error-codes.js';
import type { RunEvent } from './events.js';
import type { RuntimeEvent } from './runtime-events.js';

/** Where a runtime logs: shaped like pino, so a pino logger is one. It must not block; what it throws is ignored. */
export interface Logger {
  /** For finding out what happened. */
  debug(fields: object, message: string): void;
  /** What is as it should be, and what a job or its author did. */
  info(fields: object, message: string): void;
  /** What should be looked at. */
  warn(fields: object, message: string): void;
  /** What keeps runs from being done, or leaves something behind. */
  error(fields: object, message: string): void;
}

/** One line of a log. */
export interface LogLine {
  readonly level: keyof Logger;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** The line of a run's event; null for output and for progress, which are too many. */
export function runLogLine(event: RunEvent): LogLine | null {
  const { type, ...facts } = event;
  const line = (level: LogLine['level'], message: string, fields: object = facts): LogLine => ({
    level,
    fields: { event: type, ...fields },
    message,
  });
  switch (event.type) {
    case 'output':
    case 'output_dropped':
    case 'pull_progress':
    case 'stage_progress':
      return null;
    case 'run_start':
      return line('info', 'run began');
    case 'run_end':
      return endLine(event, line);
    case 'attempt_end':
      return attemptLine(event, line);
    case 'policy_decision': {
      const { decision, ...rest } = facts as Omit<typeof event, 'type'>;
      const rules = decision.violations.map(({ rule }) => rule);
      return line('debug', 'policy decision', { ...rest, allowed: decision.allowed, rules });
    }
    case 'warning':
      return line('warn', event.message);
    case 'cleanup_error':
      return line('error', `clean-up of the ${event.what} failed: ${event.message}`);
    case 'kept':
      return line('info', 'kept on purpose');
    default:
      return line('debug', type.replaceAll('_', ' '));
  }
}

type LineMaker = (level: LogLine['level'], message: string, fields?: object) => LogLine;

/** Without the message, which ends with what the job wrote last. */
function attemptLine(event: Extract<RunEvent, { type: 'attempt_end' }>, line: LineMaker): LogLine {
  const { runId, attempt, at, metadata, status, reason, code, retryInMs } = event;
  const facts = { runId, attempt, at, metadata, status, reason, code, retryInMs };
  if (retryInMs === null) return line('debug', 'attempt end', facts);
  return line(
    'info',
    `attempt ended with ${code ?? String(reason)}, the next begins in ${String(retryInMs)} ms`,
    facts,
  );
}

/** Without the whole result: its texts are the job's. What is to be laid to the infrastructure stands out. */
function endLine(event: Extract<RunEvent, { type: 'run_end' }>, line: LineMaker): LogLine {
  const { runId, attempt, at, metadata, durations } = event;
  const base = { runId, attempt, at, metadata, durations };
  if (event.outcome === 'error') {
    const { code, message } = event.error;
    return line(levelOfCode(code), `run ended with ${code}: ${message}`, { ...base, code });
  }
  const { status, reason, category, exitCode, jobSlug } = event.result;
  const level = category === 'infrastructure' && reason !== 'runtime_shutdown' ? 'warn' : 'info';
  return line(level, `run ended: ${status}, ${reason}`, {
    ...base,
    jobSlug,
    status,
    reason,
    category,
    exitCode,
  });
}

function levelOfCode(code: string): LogLine['level'] {
  const category = Object.hasOwn(ERROR_CODES, code)
    ? ERROR_CODES[code as keyof typeof ERROR_CODES].category
    : 'infrastructure';
  return category === 'infrastructure' ? 'error' : 'info';
}

/** The line of a runtime's event. */
export function runtimeLogLine(event: RuntimeEvent): LogLine {
  const { type, ...facts } = event;
  const line = (level: LogLine['level'], message: string): LogLine => ({
    level,
    fields: { event: type, ...facts },
    message,
  });
  switch (event.type) {
    case 'engine_lost':
      return line('error', `the engine is lost: ${event.message}`);
    case 'engine_back':
      return line('info', 'the engine is back');
    case 'disk_low':
      return line('error', event.message);
    case 'policy_changed':
      return line('info', 'policy changed');
    case 'reconcile_action': {
      const { action, what, name, problem } = event.done;
      return problem === null
        ? line('info', `${action} the ${what} ${name} of a dead process`)
        : line('warn', `the ${what} ${name} of a dead process is still there: ${problem}`);
    }
    case 'reconcile_end':
      return line('debug', 'reconcile end');
    case 'reconcile_failed':
      return line('warn', `what dead processes left was not looked for: ${event.message}`);
    case 'quarantined':
      return line('warn', `the ${event.what} of run ${event.runId} is left as it is: ${event.message}`);
    case 'image_removed':
      return line('info', `removed the image ${event.image.references.join(', ')}`);
    case 'image_gc_failed':
      return line('warn', `images were not removed: ${event.message}`);
    case 'audit_failed':
      return line('error', event.message);
  }
}
