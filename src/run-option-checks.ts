/** Checks of run options that are data; streams and listeners are used as they are. Pure. */
import { isJson } from './base/canonical-json.js';
import { retentionProblem } from './config/retention.js';
import type { RuntimeConfig } from './config/runtime-config.js';
import type { Issue } from './errors.js';
import { registryAuthIssues, timeoutProblem } from './execute/call-option-issues.js';
import { retry as retrySchema } from './job/retry-schema.js';
import type { RunOptions } from './run-options.js';

const RUN_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
const MAX_KEY_CHARS = 256;
const MAX_METADATA = 32;
const MAX_METADATA_CHARS = 256;
const MAX_ATTEMPT = 1_000_000;

/** Everything wrong with the options; empty if nothing is. */
export function optionIssues(options: RunOptions, { max }: RuntimeConfig['retention']): readonly Issue[] {
  const issues: Issue[] = [];
  const report = (path: string, message: string): void => {
    issues.push({ code: 'validation.invalid_option', path: `options.${path}`, message });
  };
  const { runId, idempotencyKey, attempt, metadata, timeoutMs, maxLogChars } = options;
  if (runId !== undefined && !RUN_ID.test(runId)) {
    report('runId', 'must match [A-Za-z0-9][A-Za-z0-9_.-]{0,127}');
  }
  if (idempotencyKey !== undefined && !isKey(idempotencyKey)) {
    report('idempotencyKey', `must be a string of 1 to ${String(MAX_KEY_CHARS)} characters`);
  }
  if (attempt !== undefined && !(Number.isInteger(attempt) && attempt >= 1 && attempt <= MAX_ATTEMPT)) {
    report('attempt', `must be a whole number from 1 to ${String(MAX_ATTEMPT)}`);
  }
  const retried = retrySchema().optional().safeParse(options.retry);
  for (const issue of retried.error?.issues ?? []) {
    report(['retry', ...issue.path.map(String)].join('.'), issue.message);
  }
  for (const [name, asked] of Object.entries(options.retention ?? {}) as readonly [string, unknown][]) {
    const problem =
      name === 'container' || name === 'workspace'
        ? asked === undefined
          ? null
          : retentionProblem(asked, max[name])
        : 'is unknown; there are container and workspace';
    if (problem !== null) report(`retention.${name.slice(0, 64)}`, problem);
  }
  const entries = Object.entries(metadata ?? {});
  if (entries.length > MAX_METADATA)
    report('metadata', `must not have more than ${String(MAX_METADATA)} entries`);
  for (const [name, value] of entries as readonly [string, unknown][]) {
    if (typeof value !== 'string' || value.length > MAX_METADATA_CHARS || name.length > MAX_METADATA_CHARS) {
      report(
        `metadata.${name.slice(0, 64)}`,
        `must be a string of at most ${String(MAX_METADATA_CHARS)} characters`,
      );
    }
  }
  for (const [name, value] of Object.entries(options.secrets ?? {}) as readonly [string, unknown][]) {
    if (typeof value !== 'string') report(`secrets.${name.slice(0, 64)}`, 'must be a string');
  }
  issues.push(...registryAuthIssues(options.registryAuth));
  const checkTimeout = (path: string, value: unknown): void => {
    const problem = value === undefined ? null : timeoutProblem(value);
    if (problem !== null) report(path, problem);
  };
  checkTimeout('timeoutMs', timeoutMs);
  const wholeWithin = (value: number, low: number, high: number): boolean =>
    Number.isInteger(value) && value >= low && value <= high;
  const timeouts = Object.entries(options.timeouts ?? {}) as readonly [string, unknown][];
  for (const [name, value] of timeouts) checkTimeout(`timeouts.${name.slice(0, 64)}`, value);
  const { concurrencyKey } = options;
  if (concurrencyKey !== undefined && !isKey(concurrencyKey)) {
    report('concurrencyKey', `must be a string of 1 to ${String(MAX_KEY_CHARS)} characters`);
  }
  if (options.parameters !== undefined && !isJson(options.parameters)) {
    report('parameters', 'must be JSON values only');
  }
  if (maxLogChars !== undefined && !wholeWithin(maxLogChars, 1024, Number.MAX_SAFE_INTEGER)) {
    report('maxLogChars', 'must be a whole number of at least 1024');
  }
  return issues;
}

const isKey = (key: unknown): boolean =>
  typeof key === 'string' && key.length >= 1 && key.length <= MAX_KEY_CHARS;
