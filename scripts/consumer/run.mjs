/** Runs the consumer's compiled programs on the engine at DOCKER_HOST. */
import { execFileSync } from 'node:child_process';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, '.tsbuild', 'consumer');
const run = (...words) => execFileSync(process.execPath, words, { cwd: folder, stdio: 'inherit' });

execFileSync(process.execPath, ['--import', 'tsx', join(root, 'scripts/image-kit/main.ts'), 'busybox'], {
  cwd: root,
});
// Most of the package does without the optional peer, so it is not there.
const peer = join(folder, 'node_modules', '@opentelemetry');
renameSync(peer, `${peer}-away`);
try {
  for (const program of ['job.mjs', 'policy.cjs', 'errors.mjs']) run(program);
} finally {
  renameSync(`${peer}-away`, peer);
}
for (const program of ['tracing.mjs', 'tracing.cjs']) run(program);
console.log('consumer ran');
