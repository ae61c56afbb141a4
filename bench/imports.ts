/** What an import costs, beside the import of zod, which is most of it: each time in a process of its own. */
import type { Ground } from './ground.js';
import { type BenchResult, compare } from './measure.js';
import { fileURLToPath } from 'node:url';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const PACKAGE = fileURLToPath(new URL('..', import.meta.url));

/** The front door, and the policy alone. */
export async function benchImports(ground: Ground): Promise<readonly BenchResult[]> {
  return [await contest(ground, 'berthkit', 1.5), await contest(ground, 'berthkit/policy', 1.25)];
}

function contest(ground: Ground, module: string, bar: number): Promise<BenchResult> {
  return compare({
    name: `import of ${module} (ms)`,
    wanted: 'at_most',
    bar,
    rounds: ground.quick ? 5 : 41,
    warmUps: 1,
    value: () => importMilliseconds(module),
    baseline: () => importMilliseconds('zod'),
  });
}

/** Measured within the process: the start of Node itself belongs to neither side. */
async function importMilliseconds(module: string): Promise<number> {
  const program = `const start = performance.now(); await import('${module}'); console.log(performance.now() - start);`;
  // A package finds itself by its name from its own folder, as its users find it from theirs.
  const { stdout } = await execute(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: PACKAGE,
  });
  return Number(stdout);
}
