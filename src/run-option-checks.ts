/** Checks of run options: data by its values; streams, listeners and storages by what they can do. It calls nothing of theirs. */
import { isJson } from './base/canonical-json.js';
import {
  type Check,
  each,
  fits,
  isObject,
  listener,
  only,
  problemsOf,
  signal,
  unknownNames,
} from './base/shapes.js';
import { retentionProblem } from './config/retention.js';
import type { RuntimeConfig } from './config/runtime-config.js';
import type { Issue } from './errors.js';
import { CREDENTIALS_RULE, timeoutProblem } from './execute/call-option-issues.js';
import { isCredentials } from './execute/registry-auth.js';
import { retry as retrySchema } from './job/retry-schema.js';
import type { TimeoutsRequest } from './plan/container-spec.js';
import { isSink, isStorage, toContentCheck } from './run-option-shapes.js';
import type { ExplainOptions, RunOptions } from './run-options.js';

const RUN_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
const MAX_KEY_CHARS = 256;
const MAX_METADATA = 32;
const MAX_METADATA_CHARS = 256;
const MAX_ATTEMPT = 1_000_000;
/** As much of a name as an issue repeats. */
const MAX_TOLD_CHARS = 64;

type Limits = RuntimeConfig['retention']['max'];

const isText = (value: unknown, least: number, most: number): boolean =>
  typeof value === 'string' && value.length >= least && value.length <= most;
const isWhole = (value: unknown, least: number, most: number): boolean =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
const isFolderPath = (value: unknown): boolean =>
  typeof value === 'string' && value !== '' && !value.includes('\0');

const key = fits(
  (value) => isText(value, 1, MAX_KEY_CHARS),
  `must be a string of 1 to ${String(MAX_KEY_CHARS)} characters`,
);
const milliseconds: Check = (value) => toProblems(timeoutProblem(value));
const sink = fits(isSink, 'must be a Node stream or a web stream that can be written to');

/** Every time: a new one without a check does not compile. */
const TIMEOUTS: Record<keyof TimeoutsRequest, Check> = {
  queueMs: milliseconds,
  pullMs: milliseconds,
  stageMs: milliseconds,
  runMs: milliseconds,
  idleOutputMs: milliseconds,
  stopMs: milliseconds,
  collectMs: milliseconds,
};

const metadata: Check = (value) => {
  const entries = each(
    fits(
      (text) => isText(text, 0, MAX_METADATA_CHARS),
      `must be a string of at most ${String(MAX_METADATA_CHARS)} characters`,
    ),
  )(value);
  const names = isObject(value) ? Object.keys(value) : [];
  const tooLong = names.filter((name) => name.length > MAX_METADATA_CHARS);
  return [
    ...problemsOf(names.length > MAX_METADATA, `must not have more than ${String(MAX_METADATA)} entries`),
    ...problemsOf(
      tooLong.length > 0,
      `must not have names of more than ${String(MAX_METADATA_CHARS)} characters`,
    ),
    ...entries,
  ];
};

const retry: Check = (value) => {
  if (!isObject(value)) return problemsOf(true, 'must be an object');
  const schema = retrySchema();
  const found = schema.safeParse(value).error?.issues ?? [];
  return [
    ...unknownNames(value, Object.keys(schema.shape)),
    ...found
      .filter(({ code }) => code !== 'unrecognized_keys')
      .map(({ path, message }) => ({ path: path.map(String), message })),
  ];
};

const profile = fits((value) => typeof value === 'string', 'must be the name of a profile');

/** Every option that an explanation may be told, too. */
const EXPLAINED: Record<keyof ExplainOptions, Check> = {
  parameters: (value) =>
    isObject(value)
      ? problemsOf(!isJson(value), 'must be JSON values only')
      : problemsOf(true, 'must be an object'),
  timeoutMs: milliseconds,
  timeouts: only(TIMEOUTS),
  retry,
  profile,
};

/** Every option: a new one without a check does not compile. */
const toChecks = (max: Limits): Record<keyof RunOptions, Check> => ({
  ...EXPLAINED,
  runId: fits(
    (value) => typeof value === 'string' && RUN_ID.test(value),
    'must match [A-Za-z0-9][A-Za-z0-9_.-]{0,127}',
  ),
  idempotencyKey: key,
  signal,
  attempt: fits(
    (value) => isWhole(value, 1, MAX_ATTEMPT),
    `must be a whole number from 1 to ${String(MAX_ATTEMPT)}`,
  ),
  files: each(toContentCheck({ mayBeWrapped: true })),
  stdin: toContentCheck({ mayBeWrapped: false }),
  stdout: sink,
  stderr: sink,
  outputTo: fits(
    (value) => isFolderPath(value) || isStorage(value),
    'must be the path of a folder or a storage adapter',
  ),
  secrets: each(fits((value) => typeof value === 'string', 'must be a string')),
  registryAuth: each(fits(isCredentials, CREDENTIALS_RULE)),
  metadata,
  retention: only({
    container: (value) => toProblems(retentionProblem(value, max.container)),
    workspace: (value) => toProblems(retentionProblem(value, max.workspace)),
  }),
  concurrencyKey: key,
  maxLogChars: fits(
    (value) => isWhole(value, 1024, Number.MAX_SAFE_INTEGER),
    'must be a whole number of at least 1024',
  ),
  onEvent: listener,
  onLine: listener,
});

const known = new WeakMap<Limits, ReturnType<typeof toChecks>>();

/** Made once: the limits of a runtime never change. */
function checksUnder(max: Limits): ReturnType<typeof toChecks> {
  const checks = known.get(max) ?? toChecks(max);
  known.set(max, checks);
  return checks;
}

const toProblems = (message: string | null): ReturnType<Check> =>
  message === null ? [] : [{ path: [], message }];

/** Options that can be used, and what is wrong with the others. */
export interface CheckedOptions {
  /** Without those that are wrong: enough to begin a run with that says so. */
  readonly options: RunOptions;
  readonly issues: readonly Issue[];
}

/** Checks what a caller gave as options, which may be anything. Never throws. */
export function checkOptions(given: unknown, { max }: RuntimeConfig['retention']): CheckedOptions {
  try {
    const checks = checksUnder(max);
    const problems = only(checks)(given);
    if (problems.length === 0) return { options: given as RunOptions, issues: [] };
    const wrong = new Set(problems.map(({ path }) => path[0]));
    const usable = Object.keys(checks).filter((name) => !wrong.has(name) && !wrong.has(undefined));
    const options = usable.map((name) => [name, (given as Readonly<Record<string, unknown>>)[name]]);
    return { options: Object.fromEntries(options) as RunOptions, issues: problems.map(toIssue) };
  } catch {
    return { options: {}, issues: [UNREADABLE] };
  }
}

/** What is wrong with the options of an explanation, which may be anything. Never throws. */
export const explainOptionIssues = (given: unknown): readonly Issue[] => issuesOf(EXPLAINED, given);

/** What is wrong with the options of a validation, which may be anything. Never throws. */
export const validateOptionIssues = (given: unknown): readonly Issue[] => issuesOf({ profile }, given);

function issuesOf(checks: Readonly<Record<string, Check>>, given: unknown): readonly Issue[] {
  try {
    return only(checks)(given).map(toIssue);
  } catch {
    return [UNREADABLE];
  }
}

/** A problem of options as an issue. */
export function toIssue({ path, message }: ReturnType<Check>[number]): Issue {
  const names = path.map((name) => name.slice(0, MAX_TOLD_CHARS));
  return { code: 'validation.invalid_option', path: ['options', ...names].join('.'), message };
}

/** What a getter of a stranger's throws is not repeated: it could hold anything. */
const UNREADABLE = toIssue({ path: [], message: 'cannot be read' });
