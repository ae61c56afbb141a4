/** A process that runs a job whose large input goes into a volume, and tells its parent by how much it grew. Started by `volumes.ts`. */
import { assertSucceeded, filesystemStorage } from 'berthkit';
import { benchRuntime } from './ground.js';
import { inputJob } from './input-job.js';
import { growthDuring } from './resident-memory.js';

const [folder = '', host = '', image = '', warmUp = '', large = ''] = process.argv.slice(2);
const storage = { files: filesystemStorage(folder) };
const runtime = benchRuntime({ folder, host }, { workspace: { transport: 'volume' } }, { storage });
const run = async (path: string): Promise<void> => {
  assertSucceeded(await runtime.runJob(inputJob(image, path)));
};
try {
  // Code is compiled and pools are filled.
  await run(warmUp);
  process.send?.(await growthDuring(() => run(large)));
} finally {
  await runtime.close();
}
