/** Collecting one large output into a folder beside `cp`, `sync` of the copy, and `sha256sum`. */
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { benchRuntime, type Ground } from './ground.js';
import { makeLargeFile } from './large-file.js';
import { type BenchResult, compare, milliseconds } from './measure.js';
import { phaseMilliseconds } from './phases.js';
import { runProgram, settleDisk } from './programs.js';

/** From the end of the container to an output that is verified, in its place, and on the disk. */
export async function benchCollecting(ground: Ground): Promise<readonly BenchResult[]> {
  const source = await makeLargeFile(ground, 'output.bin');
  const folder = join(ground.folder, 'collected');
  const runtime = benchRuntime(ground);
  const docker = {
    image: ground.image,
    command: ['true'],
    outputs: [{ workspacePath: 'output.bin', upload: 'caller' }],
  };
  try {
    const result = await compare({
      name: 'collecting a large file to a folder (ms)',
      wanted: 'at_most',
      bar: 1.5,
      rounds: ground.quick ? 3 : 9,
      warmUps: 1,
      value: async () => {
        await settleDisk(ground.folder);
        const files = { 'output.bin': { path: source } };
        const elapsed = await phaseMilliseconds(runtime, 'collect', { docker }, { files, outputTo: folder });
        await rm(folder, { recursive: true });
        return elapsed;
      },
      baseline: async () => {
        const output = join(ground.folder, 'left-by-a-job.bin');
        // As in a run: what is collected was written just before, and is in the page cache.
        await copyFile(source, output);
        await settleDisk(ground.folder);
        const elapsed = await milliseconds(() => collectBare(output, folder));
        await rm(folder, { recursive: true });
        await rm(output);
        return elapsed;
      },
    });
    return [result];
  } finally {
    await runtime.close();
    await rm(source);
  }
}

async function collectBare(output: string, folder: string): Promise<void> {
  const collected = join(folder, 'output.bin');
  await mkdir(folder);
  await runProgram('cp', output, collected);
  // A folder storage shows an object only once it is on the disk.
  await runProgram('sync', collected);
  await runProgram('sha256sum', collected);
}
