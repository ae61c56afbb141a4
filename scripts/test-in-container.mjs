/**
 * `test-in-container [FILTER…]`: tests of whole runs with their process in a container, beside the engine that does not see its files, but by the folders
 * that are mounted at the same place: the socket, the repository and one for what is temporary. Ends with `N passed, N failed, N skipped`.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOCKET = '/run/engine.sock';
/** The core: what a job is given, does, says and leaves. */
const CORE = ['run', 'streams', 'streams-in', 'effects', 'verdicts', 'resources', 'redaction', 'retry'].map(
  (name) => `test/integration/${name}.test.ts`,
);

const root = fileURLToPath(new URL('..', import.meta.url));
const files = process.argv.length > 2 ? process.argv.slice(2) : CORE;
const host = process.env.DOCKER_HOST ?? '';
if (!host.startsWith('unix://')) throw new Error('DOCKER_HOST has to be a unix socket');

const image = execFileSync(
  process.execPath,
  ['--import', 'tsx', join(root, 'scripts/image-kit/main.ts'), 'busybox'],
  {
    cwd: root,
    encoding: 'utf8',
  },
).trim();
const folder = mkdtempSync(join(tmpdir(), 'berthkit-container-'));
/** Programs and libraries are this machine's: what is tested is where a process sees and is seen from. */
const programs = ['/usr', '/bin', '/lib', '/lib64'].filter((path) => existsSync(path));
const mounts = { [host.slice('unix://'.length)]: SOCKET, [root]: root, [folder]: folder };
try {
  const { status } = spawnSync(
    'docker',
    [
      ...['run', '--rm', '--network', 'host', '--workdir', root],
      ...Object.entries(mounts).flatMap(([from, to]) => ['--volume', `${from}:${to}`]),
      ...programs.flatMap((path) => ['--volume', `${path}:${path}:ro`]),
      ...['--env', `DOCKER_HOST=unix://${SOCKET}`, '--env', `TMPDIR=${folder}`, '--env', 'NO_COLOR=1'],
      ...[
        image,
        process.execPath,
        'node_modules/vitest/vitest.mjs',
        'run',
        '--project',
        'integration*',
        ...files,
      ],
    ],
    { stdio: 'inherit' },
  );
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
