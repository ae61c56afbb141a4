/** Staging one large input: with its SHA-256 beside `cp` and `sha256sum`, and without one beside `cp` alone. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { filesystemStorage, type RuntimeConfigInput } from 'berthkit';
import { benchRuntime, type Ground } from './ground.js';
import { inputJob } from './input-job.js';
import { makeLargeFile } from './large-file.js';
import { type BenchResult, compare, milliseconds } from './measure.js';
import { phaseMilliseconds } from './phases.js';
import { runProgram, settleDisk } from './programs.js';

/** Both ways of staging. */
export async function benchStaging(ground: Ground): Promise<readonly BenchResult[]> {
  const source = await makeLargeFile(ground, 'input.bin');
  const copy = join(ground.folder, 'input-copy.bin');
  try {
    const hashed = await contest(ground, source, {
      name: 'staging a large file with sha256 (ms)',
      config: {},
      baseline: async () => {
        await runProgram('cp', source, copy);
        await runProgram('sha256sum', copy);
      },
    });
    const copied = await contest(ground, source, {
      name: 'staging a large file without sha256 (ms)',
      config: { inputs: { sha256: false } },
      baseline: () => runProgram('cp', source, copy),
    });
    return [hashed, copied];
  } finally {
    await rm(source);
  }
}

interface Way {
  readonly name: string;
  readonly config: RuntimeConfigInput;
  /** Makes the copy. */
  readonly baseline: () => Promise<unknown>;
}

async function contest(
  ground: Ground,
  source: string,
  { name, config, baseline }: Way,
): Promise<BenchResult> {
  const runtime = benchRuntime(ground, config, { storage: { files: filesystemStorage(ground.folder) } });
  const definition = inputJob(ground.image, source);
  try {
    return await compare({
      name,
      wanted: 'at_most',
      bar: 1.3,
      rounds: ground.quick ? 3 : 9,
      warmUps: 1,
      value: async () => {
        await settleDisk(ground.folder);
        return phaseMilliseconds(runtime, 'stage', definition);
      },
      baseline: async () => {
        await settleDisk(ground.folder);
        const elapsed = await milliseconds(baseline);
        await rm(join(ground.folder, 'input-copy.bin'));
        return elapsed;
      },
    });
  } finally {
    await runtime.close();
  }
}
