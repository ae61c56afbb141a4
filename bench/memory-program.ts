/** A process that runs a job with a long log and tells its parent by how much it grew. Started by `memory.ts`. */
import { assertSucceeded } from 'berthkit';
import { createCountingSink } from './counting-sink.js';
import { benchRuntime, MIB } from './ground.js';
import { createLogJob, type LogJob } from './log-job.js';
import { growthDuring } from './resident-memory.js';

const [folder = '', host = '', image = '', logBytes = '0'] = process.argv.slice(2);
const runtime = benchRuntime({ folder, host });

async function writeLog({ docker, options, redactedBytes }: LogJob): Promise<void> {
  const sink = createCountingSink();
  const definition = { docker: { ...docker, image, workingDirectory: '/workspace' } };
  assertSucceeded(
    await runtime.runJob(definition, { ...options, stdout: sink.writable, onLine: () => undefined }),
  );
  if (sink.count() !== redactedBytes) throw new Error('the log did not come through whole');
}

// Made before anything is measured: their text takes more memory than the bar allows.
const warmUp = createLogJob(128 * MIB);
const job = createLogJob(Number(logBytes));
try {
  // Code is compiled and pools are filled.
  await writeLog(warmUp);
  process.send?.(await growthDuring(() => writeLog(job)));
} finally {
  await runtime.close();
}
