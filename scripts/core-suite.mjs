/** Runs a part of the integration tests on an engine of another kind. What cannot hold there is left out by name, with the reason; everything else has to pass. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Gives the exit status: 125 where there can be no such engine.
 *
 * @param {{ problem: string | null, engine: readonly string[], project: string, files: readonly string[], leftOut: readonly (readonly [string, string])[],
 * notes?: readonly string[] }} suite `problem`: why there can be none; `engine`: flags of with-engine; `project`: of tests that are for it alone;
 * `leftOut`: parts of names, and why such a test cannot hold; `notes`: printed as they are
 */
export function runCoreSuite({ problem, engine, project, files, leftOut, notes = [] }) {
  if (problem !== null) {
    console.log(`not tested: ${problem}`);
    return 125;
  }
  for (const [name, why] of leftOut) console.log(`left out: "${name}…": ${why}`);
  for (const note of notes) console.log(note);
  const others = `^(?!.*(?:${leftOut.map(([name]) => name).join('|')}))`;
  const projects = ['integration', 'integration-isolated', project].flatMap((name) => ['--project', name]);
  const paths = files.map((name) => `test/integration/${name}.test.ts`);
  const words = ['npx', 'vitest', 'run', ...projects, ...paths, '--testNamePattern', others];
  const { status } = spawnSync(join(root, 'scripts/with-engine'), [...engine, ...words], {
    cwd: root,
    stdio: 'inherit',
  });
  return status ?? 1;
}
