/** What a run keeps on a real engine: an ended container that can be looked into, and a folder as the job left it. */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { staticSecrets } from 'berthkit';
import { expect, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { temporaryFolder, testRuntime } from './setup.js';
import { needsSharedFiles, testEngine } from './test-engine.js';

/** As if what is in the folder had been kept so much earlier. */
async function keepEarlier(folder: string | null | undefined, ms: number): Promise<void> {
  const path = join(folder ?? '', 'kept.json');
  const note = JSON.parse(await readFile(path, 'utf8')) as { bootTime: { boot: string; ms: number } };
  const bootTime = { ...note.bootTime, ms: note.bootTime.ms - ms };
  await writeFile(path, JSON.stringify({ ...note, bootTime }));
}

needsSharedFiles('nothing is kept of a run whose files are in volumes');

it('a failed run keeps its container and its files, until a runtime sweeps them', async () => {
  const image = await ensureImage('busybox');
  const engine = testEngine();
  const runtime = await testRuntime({ retention: { maxAgeMs: 3_600_000 } }, { engine });
  const failing = {
    docker: {
      image,
      command: ['sh', '-c', 'cp /bin/true /workspace/tool; chmod 6755 /workspace/tool; exit 3'],
    },
  };
  const retention = { container: 'on_failure', workspace: 'on_failure' } as const;
  const result = await runtime.runJob(failing, { retention });
  expect(result).toMatchObject({ status: 'failed', exitCode: 3 });
  const { container, workspace } = result.kept ?? {};
  expect(container).toBe(result.containerName);
  expect(await engine.containers.inspect(container ?? '')).toMatchObject({ status: 'exited', exitCode: 3 });
  expect((await stat(join(workspace ?? '', 'workspace/tool'))).mode & 0o7777).toBe(0o755);

  const succeeding = { docker: { image, command: ['true'] } };
  expect((await runtime.runJob(succeeding, { retention })).kept).toBeNull();
  // Two hours have passed since then, and the next look finds it too old.
  await keepEarlier(workspace, 2 * 3_600_000);
  expect(await runtime.close()).toEqual({ kept: [] });
  expect(await engine.containers.inspect(container ?? '')).toBeNull();
  await expect(stat(workspace ?? '')).rejects.toMatchObject({ code: 'ENOENT' });
  await engine.close();
});

it('what is kept holds no secret that was delivered as a file', async () => {
  const image = await ensureImage('busybox');
  const engine = testEngine();
  const secretsRoot = await temporaryFolder();
  const secret = 'hunter2-hunter2';
  const runtime = await testRuntime(
    {
      secretsRoot,
      retention: { maxAgeMs: 3_600_000 },
      policy: { secrets: { allowDisk: true } },
    },
    {
      engine,
      resolveSecret: staticSecrets({ token: secret }),
    },
  );
  const retention = { container: 'always', workspace: 'always' } as const;
  const result = await runtime.runJob(
    {
      docker: {
        image,
        command: ['sh', '-c', 'wc -c < "$TOKEN" > /workspace/count'],
        environment: { TOKEN: { secret: { source: 'store', key: 'token' }, as: 'file' } },
      },
    },
    { retention },
  );
  expect(result).toMatchObject({ status: 'succeeded' });
  const { workspace } = result.kept ?? {};
  expect(await readFile(join(workspace ?? '', 'workspace/count'), 'utf8')).toBe(`${secret.length}\n`);
  expect(await readdir(secretsRoot)).toEqual([]);
  for (const entry of await readdir(workspace ?? '', { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    expect(await readFile(join(entry.parentPath, entry.name), 'utf8')).not.toContain(secret);
  }
  const facts = JSON.stringify(await engine.containers.inspect(result.containerName ?? ''));
  expect(facts).not.toContain(secret);
  await keepEarlier(workspace, 2 * 3_600_000);
  expect(await runtime.close()).toEqual({ kept: [] });
  await engine.close();
});
