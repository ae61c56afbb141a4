/** Runs every example that is a file of its own, on the engine at DOCKER_HOST, in a temporary folder. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** As much of an example as shows that it works. */
const FEWER = { 'many-runs.ts': ['100'] };

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'berthkit-examples-'));
const run = (...words) =>
  execFileSync(process.execPath, ['--import', fileURLToPath(import.meta.resolve('tsx')), ...words], {
    cwd: folder,
    stdio: 'inherit',
    env: { ...process.env, TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') },
  });
try {
  run(join(root, 'scripts/image-kit/main.ts'), 'busybox', 'python');
  for (const name of readdirSync(join(root, 'examples')).filter((each) => each.endsWith('.ts'))) {
    console.log(`== ${name}`);
    run(join(root, 'examples', name), ...(FEWER[name] ?? []));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
