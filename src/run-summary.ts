/** A run at a glance, and which of many are meant. Data and a pure comparison; no run is touched. */
import { type Issue, ValidationError } from './errors.js';

/** Where a run is: waiting for a place or for its next attempt, holding a place until everything is cleaned up, or over. */
export type RunState = 'queued' | 'running' | 'ended';

const STATES: readonly RunState[] = ['queued', 'running', 'ended'];

/** What is known of a run at a glance. */
export interface RunSummary {
  readonly runId: string;
  readonly jobSlug: string | null;
  readonly state: RunState;
  /** What it is doing, for example `pull`, `run`, or `rest` between two attempts. */
  readonly phase: string;
  /** The one under way, or the last. */
  readonly attempt: number;
  readonly startedAt: string;
  readonly concurrencyKey: string | null;
  /** The caller's. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Which runs are meant: those that satisfy every key that is given. */
export interface RunFilter {
  /** One state, or any of several. */
  readonly state?: RunState | readonly RunState[] | undefined;
  /** Exactly this slug; null: runs without one. */
  readonly jobSlug?: string | null | undefined;
  /** Every pair must be among the run's metadata. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/**
 * The test a filter stands for. A filter that cannot be understood is refused and never taken for "all": a misspelt key must not cancel
 * every run there is.
 *
 * @throws `validation.invalid_job`, with the path of each bad key.
 */
export function toRunTest(filter: RunFilter): (summary: RunSummary) => boolean {
  const issues = filterIssues(filter);
  if (issues.length > 0) {
    const message = issues.map(({ path, message: text }) => `${path} ${text}`).join('; ');
    throw new ValidationError('validation.invalid_job', message, { details: { issues } });
  }
  const { state, jobSlug, metadata } = filter;
  const states = state === undefined ? null : [state].flat();
  const pairs = Object.entries(metadata ?? {});
  return (summary) =>
    (states === null || states.includes(summary.state)) &&
    (jobSlug === undefined || summary.jobSlug === jobSlug) &&
    pairs.every(([name, value]) => Object.hasOwn(summary.metadata, name) && summary.metadata[name] === value);
}

const KEYS: readonly string[] = ['state', 'jobSlug', 'metadata'] satisfies (keyof RunFilter)[];

function filterIssues(filter: RunFilter): readonly Issue[] {
  const issues: Issue[] = [];
  const report = (key: string, message: string): void => {
    const path = key === '' ? 'filter' : `filter.${key.slice(0, 64)}`;
    issues.push({ code: 'validation.invalid_option', path, message });
  };
  const given: unknown = filter;
  if (!isRecord(given)) {
    report('', `must be an object with any of ${KEYS.join(', ')}`);
    return issues;
  }
  for (const key of Object.keys(given)) {
    if (!KEYS.includes(key)) report(key, `is no known key; known keys: ${KEYS.join(', ')}`);
  }
  const { state, jobSlug, metadata } = given;
  const states: readonly unknown[] = Array.isArray(state) ? state : [state];
  if (state !== undefined && !states.every((each) => STATES.some((known) => known === each))) {
    report('state', `must be one or several of ${STATES.join(', ')}`);
  }
  if (jobSlug !== undefined && jobSlug !== null && typeof jobSlug !== 'string') {
    report('jobSlug', 'must be a string or null');
  }
  if (metadata !== undefined) {
    if (!isRecord(metadata)) report('metadata', 'must be an object of strings');
    else
      for (const [name, value] of Object.entries(metadata)) {
        if (typeof value !== 'string') report(`metadata.${name}`, 'must be a string');
      }
  }
  return issues;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
