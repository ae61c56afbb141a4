/** What a runtime finds out about its host where its configuration says nothing. */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRuntime, parseConfig } from 'berthkit';
import { fakeEngine } from 'berthkit/testing';
import { expect, it, onTestFinished, vi } from 'vitest';

const UID = String(process.geteuid?.());

/** A folder for temporary files, as the environment of this process names it, until the test is over. */
async function ownTmpdir(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'berthkit-defaults-'));
  vi.stubEnv('TMPDIR', folder);
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true, force: true });
  });
  return folder;
}

it('each user of a machine has a root of his own, where temporary files go', async () => {
  const folder = await ownTmpdir();
  const runtime = createRuntime({}, { engine: fakeEngine() });
  onTestFinished(async () => {
    await runtime.close();
  });
  const root = join(folder, `berthkit-${UID}`);
  expect(runtime.config).toMatchObject({
    workspaceRoot: root,
    instanceId: expect.any(String) as string,
    stateDir: null,
  });
  expect(await runtime.runJob({ docker: { image: 'busybox:1' } })).toMatchObject({ status: 'succeeded' });
  expect((await stat(root)).mode & 0o777).toBe(0o700);
  // Nothing is remembered where nobody said where.
  expect(await readdir(folder)).toEqual([`berthkit-${UID}`]);
});

it('what a configuration names goes before, and the instance is told by it', async () => {
  const folder = await ownTmpdir();
  const made = [{ workspaceRoot: '/srv/w' }, parseConfig({}), { workspaceRoot: undefined }].map((config) =>
    createRuntime(config, { engine: fakeEngine() }),
  );
  onTestFinished(async () => {
    for (const runtime of made) await runtime.close();
  });
  expect(made.map(({ config }) => config.workspaceRoot)).toEqual([
    '/srv/w',
    '/tmp/berthkit',
    join(folder, `berthkit-${UID}`),
  ]);
  expect(new Set(made.map(({ config }) => config.instanceId)).size).toBe(3);
});
