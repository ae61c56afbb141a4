/** The ways a caller starts a run: by a definition, by a request, and as one of a series. How a run begins is elsewhere. */
import type { RuntimeConfig } from './config/runtime-config.js';
import type { Issue, RuntimeError } from './errors.js';
import type { Queueing } from './execute/turns.js';
import { compileJob, requestOver } from './job/compile.js';
import { placeIssues } from './job/request-issues.js';
import { judgeJob, readJob, type ValidateOptions } from './job/validate.js';
import type { RunRequest } from './plan/container-spec.js';
import { denial } from './policy/denial.js';
import type { RunHandle } from './run-handle.js';
import type { JobStarter } from './run-jobs.js';
import type { RunOptions } from './run-options.js';
import type { RunBeginner } from './runtime-begin.js';
import { invalid, unusable } from './runtime-refusals.js';

/** What starting needs of a runtime. */
export interface StarterParts {
  readonly config: () => RuntimeConfig;
  readonly judging: Pick<ValidateOptions, 'rules' | 'caller'>;
  readonly begin: RunBeginner['begin'];
  /** Why nothing is taken now; null: it is. */
  readonly refusal: () => RuntimeError | null;
}

/** The starters of one runtime. */
export interface Starters {
  readonly startJob: (definition: unknown, options?: RunOptions) => RunHandle;
  readonly startRun: (request: RunRequest, options?: RunOptions) => RunHandle;
  readonly starter: JobStarter;
}

/** Starts nothing by itself. */
export function createStarters({ config, judging, begin, refusal }: StarterParts): Starters {
  const beginJob = (definition: unknown, options: RunOptions, queueing: Queueing): RunHandle =>
    begin({
      jobSlug: slugOf(definition),
      options,
      queueing,
      toRequest: () => {
        const read = readJob(definition, config(), options.profile);
        if (!read.ok) throw invalid(read.issues);
        const { decision } = judgeJob(read, judging);
        if (!decision.allowed) throw denial(decision);
        return compileJob(read.job, options);
      },
    });
  return {
    startJob: (definition, options = {}) => beginJob(definition, options, 'bounded'),
    startRun: (request, options = {}) =>
      begin({
        jobSlug: slugOf(request, 'job'),
        options,
        queueing: 'bounded',
        toRequest: () => {
          if (!isRequest(request)) throw unusable([NO_REQUEST]);
          const issues = placeIssues(request);
          if (issues.length > 0) throw unusable(issues);
          return requestOver(request, options);
        },
      }),
    starter: {
      start: (definition, options) => beginJob(definition, options, 'patient'),
      refusal,
      maxConcurrentRuns: config().maxConcurrentRuns,
    },
  };
}

const NO_REQUEST: Issue = {
  code: 'validation.invalid_request',
  path: 'request',
  message: 'must be a request, as compileJob makes one of a definition',
};

/** Whether a value has the parts of a request. What is in them is judged like that of any other. */
function isRequest(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const part = (name: string): unknown => Reflect.get(value, name);
  const isPart = (name: string): boolean => typeof part(name) === 'object' && part(name) !== null;
  return (
    ['job', 'container', 'timeouts', 'retry'].every(isPart) &&
    ['inputs', 'outputs'].every((name) => Array.isArray(part(name)))
  );
}

/** What a definition, or the job of a request, calls itself, before it is known to be one. */
function slugOf(given: unknown, ...way: readonly string[]): string | null {
  try {
    const slug = [...way, 'slug'].reduce<unknown>(
      (value, name) => (typeof value === 'object' && value !== null ? Reflect.get(value, name) : null),
      given,
    );
    return typeof slug === 'string' && slug.length <= 100 ? slug : null;
  } catch {
    return null;
  }
}
