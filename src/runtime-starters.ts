/** The ways a caller starts a run: by a definition, by a request, and as one of a series. How a run begins is elsewhere. */
import type { RuntimeConfig } from './config/runtime-config.js';
import type { RuntimeError } from './errors.js';
import type { Queueing } from './execute/turns.js';
import { compileJob, requestOver } from './job/compile.js';
import { judgeJob, readJob, type ValidateOptions } from './job/validate.js';
import type { RunRequest } from './plan/container-spec.js';
import { denial } from './policy/denial.js';
import type { RunHandle } from './run-handle.js';
import type { JobStarter } from './run-jobs.js';
import type { RunOptions } from './run-options.js';
import type { RunBeginner } from './runtime-begin.js';
import { invalid } from './runtime-refusals.js';

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
        jobSlug: request.job.slug,
        options,
        queueing: 'bounded',
        toRequest: () => requestOver(request, options),
      }),
    starter: {
      start: (definition, options) => beginJob(definition, options, 'patient'),
      refusal,
      maxConcurrentRuns: config().maxConcurrentRuns,
    },
  };
}

/** What a definition calls itself, before it is known to be one. */
function slugOf(definition: unknown): string | null {
  try {
    const slug: unknown =
      typeof definition === 'object' && definition !== null ? Reflect.get(definition, 'slug') : null;
    return typeof slug === 'string' && slug.length <= 100 ? slug : null;
  } catch {
    return null;
  }
}
