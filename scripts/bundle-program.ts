/** Programs that are started as processes of their own, each in one file: a loader would compile all sources anew in every process. It starts none. */
import { randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Beneath the packages, which the bundles load as they are. */
const cache = join(root, 'node_modules/.cache/berthkit');

/** Bundles a program of this repository as its sources are now, and gives the path of what plain Node is to be started with. */
export async function bundleProgram(source: URL): Promise<string> {
  const path = fileURLToPath(source);
  const { outputFiles } = await build({
    entryPoints: [path],
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    absWorkingDir: root,
    write: false,
    logLevel: 'silent',
  });
  const bundled = join(cache, `${relative(root, path)}.mjs`);
  const draft = `${bundled}.${randomUUID()}`;
  await mkdir(dirname(bundled), { recursive: true });
  for (const { contents } of outputFiles) await writeFile(draft, contents);
  // At once, as others may be starting it.
  await rename(draft, bundled);
  return bundled;
}
