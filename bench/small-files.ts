/** Staging ten thousand small files beside `fs.cp`, which copies a folder without hashing, counting or distrusting it. */
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { filesystemStorage } from 'berthkit';
import { benchRuntime, type Ground } from './ground.js';
import { type BenchResult, compare, milliseconds } from './measure.js';
import { phaseMilliseconds } from './phases.js';
import { settleDisk } from './programs.js';

const FILES_PER_FOLDER = 100;
const FILE_BYTES = 1024;
const INPUT = 'small-files';

/** As an input from a folder storage, and as files of the caller's. */
export async function benchSmallFiles(ground: Ground): Promise<readonly BenchResult[]> {
  const source = join(ground.folder, INPUT);
  await makeTree(source, ground.quick ? 2 : 100);
  const storage = { files: filesystemStorage(ground.folder) };
  const runtime = benchRuntime(ground, {}, { storage });
  const docker = { image: ground.image, command: ['true'] };
  const input = { type: 'filestorePath', backendMountId: 'files', path: `/${INPUT}` };
  const withInput = { docker: { ...docker, inputs: [{ source: input, workspacePath: 'tree' }] } };
  try {
    return [
      await contest(ground, source, 'staging small files from a storage (ms)', () =>
        phaseMilliseconds(runtime, 'stage', withInput),
      ),
      await contest(ground, source, 'staging small files of the caller (ms)', () =>
        phaseMilliseconds(runtime, 'stage', { docker }, { files: { tree: { path: source } } }),
      ),
    ];
  } finally {
    await runtime.close();
    await rm(source, { recursive: true });
  }
}

async function makeTree(root: string, folders: number): Promise<void> {
  for (let folder = 0; folder < folders; folder += 1) {
    const path = join(root, `folder-${folder}`);
    await mkdir(path, { recursive: true });
    for (let file = 0; file < FILES_PER_FOLDER; file += 1) {
      await writeFile(join(path, `file-${file}`), Buffer.alloc(FILE_BYTES, `${folder}/${file} `));
    }
  }
}

function contest(
  ground: Ground,
  source: string,
  name: string,
  value: () => Promise<number>,
): Promise<BenchResult> {
  const copy = `${source}-copy`;
  return compare({
    name,
    wanted: 'at_most',
    bar: 1.5,
    rounds: ground.quick ? 3 : 7,
    warmUps: 1,
    value: async () => {
      await settleDisk(ground.folder);
      return value();
    },
    baseline: async () => {
      await settleDisk(ground.folder);
      const elapsed = await milliseconds(() => cp(source, copy, { recursive: true }));
      await rm(copy, { recursive: true });
      return elapsed;
    },
  });
}
