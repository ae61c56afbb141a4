/** From a definition to its plan (validate, policy, plan) beside one bare parse of the same definition by the same zod schema. */
import { createRuntime } from 'berthkit';
import { jobSchema } from '../src/job/schema.js';
import { judgeJob, readJob } from '../src/job/validate.js';
import { planRun } from '../src/plan/plan-run.js';
import { DOCUMENT_JOB } from '../test/job/document-job.js';
import type { Ground } from './ground.js';
import { type BenchResult, compare } from './measure.js';

/** With the example of the Docker Job Runtime document. */
export async function benchPlanning(ground: Ground): Promise<readonly BenchResult[]> {
  const calls = ground.quick ? 50 : 500;
  const runtime = createRuntime();
  const { config } = runtime;
  // The three steps of `explain`, without what it writes besides (the nearest `docker run` line): no front door gives just these.
  const plan = (): void => {
    const read = readJob(DOCUMENT_JOB, config, undefined);
    if (!read.ok) throw new Error('the definition is not valid');
    planRun(judgeJob(read, {}), read.config, { caller: null });
  };
  const parse = (): void => {
    jobSchema().parse(DOCUMENT_JOB);
  };
  try {
    return [
      await compare({
        name: 'validate, policy and plan (µs)',
        wanted: 'at_most',
        bar: 3,
        rounds: ground.quick ? 5 : 41,
        warmUps: 5,
        value: () => microseconds(calls, plan),
        baseline: () => microseconds(calls, parse),
      }),
    ];
  } finally {
    await runtime.close();
  }
}

/** Microseconds for one call of many. */
function microseconds(calls: number, call: () => void): Promise<number> {
  const start = performance.now();
  for (let index = 0; index < calls; index += 1) call();
  return Promise.resolve(((performance.now() - start) * 1000) / calls);
}
