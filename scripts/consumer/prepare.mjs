/** Installs the packed tarball into an empty folder, as a user would. Needs the registry, so it comes before any private network namespace. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, '.tsbuild', 'consumer');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const npm = (...words) =>
  execFileSync('npm', words, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
npm('pack', root, '--ignore-scripts', '--pack-destination', folder);
const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true }));
// The compiler, Node's types and the optional peer are all a consumer brings; none of dockerode's types.
npm(
  'install',
  '--ignore-scripts',
  '--no-audit',
  '--no-fund',
  join(folder, tarball),
  'typescript@~6.0.3',
  '@types/node@20',
  '@opentelemetry/api@1',
);
cpSync(fileURLToPath(new URL('./template', import.meta.url)), folder, { recursive: true });
execFileSync(join(folder, 'node_modules', '.bin', 'tsc'), ['-p', folder], { stdio: 'inherit' });
console.log(`consumer prepared in ${folder}`);
