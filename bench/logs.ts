/** The way of a log: redacted by `runJob` into a sink, beside reading the raw stream of a container that writes the same. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assertSucceeded } from 'berthkit';
import { runBare, toBareJob } from './bare.js';
import { createCountingSink } from './counting-sink.js';
import { benchRuntime, GIB, type Ground, MIB } from './ground.js';
import { createLogJob } from './log-job.js';
import { type BenchResult, compare, milliseconds } from './measure.js';

/** Bytes a second that come through. */
export async function benchLogs(ground: Ground): Promise<readonly BenchResult[]> {
  const job = createLogJob(ground.quick ? 32 * MIB : GIB);
  const definition = { docker: { ...job.docker, image: ground.image, workingDirectory: '/workspace' } };
  const bareJob = await toBareJob(ground, definition, job.options);
  await writeFile(join(bareJob.workspace, job.block.name), job.block.content, { mode: 0o644 });
  const runtime = benchRuntime(ground);
  const redacted = async (): Promise<void> => {
    const sink = createCountingSink();
    assertSucceeded(await runtime.runJob(definition, { ...job.options, stdout: sink.writable }));
    requireBytes(sink.count(), job.redactedBytes);
  };
  const raw = async (): Promise<void> => {
    let bytes = 0;
    await runBare(ground, bareJob, (chunk) => {
      bytes += chunk.length;
    });
    // Each frame has a header of eight bytes.
    if (bytes < job.writtenBytes) requireBytes(bytes, job.writtenBytes);
  };
  const throughput = async (work: () => Promise<void>): Promise<number> =>
    job.writtenBytes / MIB / ((await milliseconds(work)) / 1000);
  try {
    return [
      await compare({
        name: 'log with 10 secrets redacted (MiB/s)',
        wanted: 'at_least',
        bar: 0.5,
        rounds: ground.quick ? 1 : 3,
        warmUps: 1,
        value: () => throughput(redacted),
        baseline: () => throughput(raw),
      }),
    ];
  } finally {
    await runtime.close();
  }
}

function requireBytes(found: number, wanted: number): void {
  if (found !== wanted) throw new Error(`${found} bytes of the log came through instead of ${wanted}`);
}
