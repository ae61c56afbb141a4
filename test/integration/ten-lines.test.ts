/** Logging and tracing take ten lines each, as the guide for operators says: here they are counted and run. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { temporaryFolder } from './setup.js';
import { engineVariables } from './test-engine.js';

const pathOf = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

beforeAll(async () => {
  await ensureImage('busybox');
});

it.each([
  ['logging', ['"event":"run_start"', '"event":"run_end"', 'logs on with the same logger']],
  ['tracing', ["name: 'berthkit.run'", "name: 'berthkit.attempt'", "name: 'berthkit.phase.run'"]],
])('examples/%s.ts has ten lines at the most, and works', async (name, says) => {
  const path = pathOf(`examples/${name}.ts`);
  const code = readFileSync(path, 'utf8').replace(/\/\*\*[^]*?\*\//g, '');
  expect(code.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(10);
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', path], {
    cwd: pathOf('.'),
    env: {
      ...process.env,
      ...engineVariables,
      TMPDIR: await temporaryFolder(),
      TSX_TSCONFIG_PATH: pathOf('tsconfig.json'),
    },
    timeout: 120_000,
  });
  for (const words of says) expect(stdout).toContain(words);
});
