/** What tests on a real engine share: an image, a runtime in folders of its own, and proof that nothing is left behind. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRuntime, type Runtime, type RuntimeConfigInput, type RuntimePorts } from 'berthkit';
import { expect } from 'vitest';
import { afterEveryTest } from '../each-test.js';
import { testEngine } from './test-engine.js';
import { testWorkspace } from './test-workspace.js';

const leftovers: (() => Promise<void>)[] = [];

afterEveryTest(async () => {
  for (const check of leftovers.splice(0)) await check();
});

/** A runtime with a workspace root of its own; when the test is over it must have left nothing behind. */
export async function testRuntime(
  config: RuntimeConfigInput = {},
  ports: RuntimePorts = {},
): Promise<Runtime> {
  const folder = await mkdtemp(join(tmpdir(), 'berthkit-test-'));
  const workspaceRoot = join(folder, 'root');
  const runtime = createRuntime(
    { workspaceRoot, ...config, workspace: { ...testWorkspace, ...config.workspace } },
    ports,
  );
  leftovers.push(async () => {
    await runtime.close();
    const engine = testEngine();
    try {
      const instance = runtime.config.instanceId ?? '';
      expect(await engine.containers.list({ 'berthkit.instance': instance })).toEqual([]);
      expect(await engine.volumes?.list({ 'berthkit.instance': instance })).toEqual([]);
      expect(await readdir(workspaceRoot).catch(() => [])).toEqual([]);
    } finally {
      await engine.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
  return runtime;
}

/** A temporary folder that goes when the test is over. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'berthkit-test-'));
  leftovers.push(async () => rm(folder, { recursive: true, force: true }));
  return folder;
}
