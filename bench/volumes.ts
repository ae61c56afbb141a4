/** One large input that goes into a volume of the engine: its speed beside `docker cp`, and the memory it takes. */
import { rm } from 'node:fs/promises';
import { filesystemStorage } from 'berthkit';
import { benchRuntime, GIB, type Ground, MIB } from './ground.js';
import { inputJob } from './input-job.js';
import { makeLargeFile } from './large-file.js';
import { type BenchResult, compare, milliseconds } from './measure.js';
import { growthOf } from './memory.js';
import { phaseMilliseconds } from './phases.js';
import { runProgram, settleDisk } from './programs.js';

const BAR_MIB = 100;

/** From the storage to the volume. */
export async function benchVolumes(ground: Ground): Promise<readonly BenchResult[]> {
  const source = await makeLargeFile(ground, 'volume-input.bin', 2 * GIB);
  const storage = { files: filesystemStorage(ground.folder) };
  const config = { workspace: { transport: 'volume' }, inputs: { sha256: false } } as const;
  const runtime = benchRuntime(ground, config, { storage });
  const definition = inputJob(ground.image, source);
  try {
    const speed = await compare({
      name: 'a large input by volume (ms)',
      wanted: 'at_most',
      // Its speed is to be at least 0.7 of the other.
      bar: 1 / 0.7,
      rounds: ground.quick ? 3 : 5,
      warmUps: 1,
      value: async () => {
        await settleDisk(ground.folder);
        return phaseMilliseconds(runtime, 'stage', definition);
      },
      baseline: async () => {
        await settleDisk(ground.folder);
        return copyByDocker(ground, source);
      },
    });
    const small = await makeLargeFile(ground, 'volume-warm-up.bin', 64 * MIB);
    const words = [ground.folder, ground.host, ground.image, small, source];
    const value = (await growthOf('volumes-program.ts', words)) / MIB;
    const name = 'growth of resident memory under a large input by volume (MiB)';
    await rm(small);
    return [speed, { name, value, baseline: null, ratio: null, bar: BAR_MIB, holds: value <= BAR_MIB }];
  } finally {
    await runtime.close();
    await rm(source);
  }
}

/** The time `docker cp` takes into a volume of a container that is never started. */
async function copyByDocker({ docker, host, image }: Ground, source: string): Promise<number> {
  const container = await docker.createContainer({
    Image: image,
    Cmd: ['true'],
    HostConfig: { Mounts: [{ Type: 'volume', Source: '', Target: '/input' }] },
  });
  try {
    return await milliseconds(() =>
      runProgram('docker', '--host', host, 'cp', source, `${container.id}:/input/input.bin`),
    );
  } finally {
    await container.remove({ v: true });
  }
}
