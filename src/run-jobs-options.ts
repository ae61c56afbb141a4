/** What a series of runs may be told: which options its runs share, and which each has for itself. */
import { isObject, listener, signal, some, unknownNames } from './base/shapes.js';
import { type Issue, ValidationError } from './errors.js';
import { toIssue } from './run-option-checks.js';
import type { RunOptions } from './run-options.js';

/** Every option of a run: a new one without an entry does not compile. Own ones name, feed or read a single run. */
const SHARING = {
  runId: 'own',
  idempotencyKey: 'own',
  signal: 'shared',
  parameters: 'shared',
  timeoutMs: 'shared',
  timeouts: 'shared',
  retry: 'shared',
  profile: 'shared',
  retention: 'shared',
  attempt: 'own',
  files: 'own',
  stdin: 'own',
  stdout: 'own',
  stderr: 'own',
  outputTo: 'own',
  concurrencyKey: 'shared',
  secrets: 'shared',
  registryAuth: 'shared',
  metadata: 'shared',
  maxLogChars: 'shared',
  onEvent: 'shared',
  onLine: 'own',
} as const satisfies Record<keyof RunOptions, 'own' | 'shared'>;

type SharedOption = {
  [K in keyof typeof SHARING]: (typeof SHARING)[K] extends 'shared' ? K : never;
}[keyof typeof SHARING];

/** Options of a series: those its runs share, and `each` for those that belong to one run, such as files, streams and places for outputs. */
export interface RunJobsOptions<D = unknown> extends Pick<RunOptions, SharedOption> {
  /** Ends the series when aborted: what is under way ends as `cancelled` and is handed out, and no more definitions are read. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Options of one run, laid over the shared ones key by key; called just before the run begins. What it throws ends the series, as what the
   * source throws does.
   */
  readonly each?: ((definition: D, index: number) => RunOptions) | undefined;
}

/** Options that no run gets: they are about the series as a whole. */
const OF_THE_SERIES: readonly string[] = ['each', 'signal'];

/** Options without those that are undefined: laid over others they hide nothing. */
export function given(options: object): RunOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** What is wrong with the options that the series itself uses, and with names that no run knows, before any run could say so; null if nothing is. */
export function seriesProblem(options: unknown): ValidationError | null {
  const problems = [
    ...(isObject(options) ? unknownNames(options, [...Object.keys(SHARING), 'each']) : []),
    ...some({ signal, each: listener, onEvent: listener })(options),
  ];
  return problems.length === 0 ? null : refusal(problems.map(toIssue));
}

/**
 * The options all runs share, but for the signal: that is the series' own, and ends its runs by it.
 *
 * @throws `validation.invalid_job` for an option that only one run can have.
 */
export function sharedOptions<D>(options: RunJobsOptions<D>): RunOptions {
  const shared = Object.fromEntries(
    Object.entries(given(options)).filter(([key]) => !OF_THE_SERIES.includes(key)),
  );
  const issues = Object.keys(shared).flatMap((key): Issue[] =>
    Object.hasOwn(SHARING, key) && SHARING[key as keyof typeof SHARING] === 'own'
      ? [
          {
            code: 'validation.invalid_option',
            path: `options.${key}`,
            message: 'belongs to one run; give it by options.each',
          },
        ]
      : [],
  );
  if (issues.length === 0) return shared;
  throw refusal(issues);
}

function refusal(issues: readonly Issue[]): ValidationError {
  const message = issues.map(({ path, message: text }) => `${path} ${text}`).join('; ');
  return new ValidationError('validation.invalid_job', message, { details: { issues } });
}
