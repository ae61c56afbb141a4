/** Whole runs of a job that does nothing: how long one takes, and how many a second eight at a time make. */
import { assertSucceeded } from 'berthkit';
import { type BareJob, runBare, toBareJob } from './bare.js';
import { benchRuntime, type Ground } from './ground.js';
import { type BenchResult, compare, milliseconds } from './measure.js';

const PARALLEL = 8;

/** `runJob` beside the bare sequence. */
export async function benchRuns(ground: Ground): Promise<readonly BenchResult[]> {
  const definition = { docker: { image: ground.image, command: ['true'] } };
  const bareJob = await toBareJob(ground, definition);
  const runtime = benchRuntime(ground);
  const runOne = async (): Promise<void> => assertSucceeded(await runtime.runJob(definition));
  try {
    return [await latency(ground, runOne, bareJob), await throughput(ground, runOne, bareJob)];
  } finally {
    await runtime.close();
  }
}

function latency(ground: Ground, runOne: () => Promise<void>, bareJob: BareJob): Promise<BenchResult> {
  return compare({
    name: 'runJob, p50 (ms)',
    wanted: 'at_most',
    bar: 1.1,
    rounds: ground.quick ? 5 : 60,
    warmUps: ground.quick ? 1 : 5,
    value: () => milliseconds(runOne),
    baseline: () => milliseconds(() => runBare(ground, bareJob)),
  });
}

function throughput(ground: Ground, runOne: () => Promise<void>, bareJob: BareJob): Promise<BenchResult> {
  // Of 32 jobs each, a quarter of which is beginning and end, single samples differed by 8 %; of 64, by 4 %.
  const jobs = ground.quick ? 8 : 64;
  return compare({
    name: `runJob, throughput at ${PARALLEL} parallel (jobs/s)`,
    wanted: 'at_least',
    bar: 0.95,
    rounds: ground.quick ? 1 : 11,
    // Code that runs often is compiled anew for some hundred runs, ours being more than the bare sequence's.
    warmUps: ground.quick ? 1 : 4,
    value: () => jobsPerSecond(jobs, runOne),
    baseline: () => jobsPerSecond(jobs, () => runBare(ground, bareJob)),
  });
}

async function jobsPerSecond(jobs: number, runOne: () => Promise<void>): Promise<number> {
  let left = jobs;
  const work = async (): Promise<void> => {
    for (; left > 0;) {
      left -= 1;
      await runOne();
    }
  };
  const elapsed = await milliseconds(() => Promise.all(Array.from({ length: PARALLEL }, work)));
  return (jobs * 1000) / elapsed;
}
