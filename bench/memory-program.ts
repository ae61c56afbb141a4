/** A process that runs a job with a long log and tells its parent by how much it grew. Started by `memory.ts`. */
import { readFile, writeFile } from 'node:fs/promises';
import { assertSucceeded } from 'berthkit';
import { createCountingSink } from './counting-sink.js';
import { benchRuntime, MIB } from './ground.js';
import { createLogJob, type LogJob } from './log-job.js';

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

/** `VmRSS` or `VmHWM` of this process, in bytes. */
async function residentBytes(field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8');
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`the kernel tells no ${field}`);
  return Number(kibibytes) * 1024;
}

// Made before anything is measured: their text takes more memory than the bar allows.
const warmUp = createLogJob(128 * MIB);
const job = createLogJob(Number(logBytes));
try {
  // Code is compiled and pools are filled.
  await writeLog(warmUp);
  // proc(5), clear_refs: from here on the kernel's own peak begins anew, so that no sampling misses it.
  await writeFile('/proc/self/clear_refs', '5');
  const before = await residentBytes('VmRSS');
  await writeLog(job);
  process.send?.((await residentBytes('VmHWM')) - before);
} finally {
  await runtime.close();
}
