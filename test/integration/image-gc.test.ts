/** `images.gc` on the engine of this machine with a registry of its own: judged by what the engine has afterwards. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type ImageGcReport, type Runtime, type RuntimeConfigInput } from 'berthkit';
import type { ContainerEngine } from 'berthkit/engine';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRealRegistry, type RealRegistry, USER } from '../registry/real-registry.js';
import { registryImage } from '../registry/registry-image.js';
import { temporaryFolder, testRuntime } from './setup.js';
import { testEngine } from './test-engine.js';

const run = promisify(execFile);

let registry: RealRegistry;
let engine: ContainerEngine;
beforeAll(async () => {
  registry = await startRealRegistry({ tls: false });
  engine = testEngine();
});
afterAll(async () => {
  await engine.close();
  await registry.close();
});

let count = 0;
/** An image that is nowhere but in the registry. */
async function publish(options: { readonly bare: boolean }): Promise<string> {
  count += 1;
  const repository = `gc/image-${String(count)}`;
  const files = { mark: `${String(count)} of ${String(process.pid)}` };
  await registry.put(repository, '1', await registryImage({ ...options, files }));
  return `${registry.host}/${repository}:1`;
}

type Gc = NonNullable<RuntimeConfigInput['images']>['gc'];
const open = async (stateDir: string, gc: Gc): Promise<Runtime> =>
  testRuntime({ stateDir, instanceId: `gc-${String(process.pid)}`, images: { gc } });
const auth = () => ({ registryAuth: { [registry.host]: USER } });
const isThere = async (name: string): Promise<boolean> => (await engine.images.inspect(name)) !== null;
const whyOf = ({ removed, kept }: ImageGcReport): Readonly<Record<string, string>> =>
  Object.fromEntries([...removed, ...kept].map(({ references, why }) => [references[0] ?? '', why]));

it('removes the least recently used of what it pulled, after a restart too, and nothing that was there before', async () => {
  const stateDir = await temporaryFolder();
  const [before, first, second, third] = [
    await publish({ bare: true }),
    await publish({ bare: true }),
    await publish({ bare: true }),
    await publish({ bare: true }),
  ];
  await engine.images.pull(before, { credentials: USER });
  const sizeBytes = (await engine.images.inspect(before))?.sizeBytes ?? 0;
  expect(sizeBytes).toBeGreaterThan(0);
  const gc = { maxBytes: 3 * sizeBytes };
  const runtime = await open(stateDir, gc);
  for (const name of [before, first, second, third, first]) await runtime.images.pull(name, auth());
  await runtime.close();
  expect(await Promise.all([first, second, third].map(isThere))).toEqual([true, true, true]);

  const secondId = (await engine.images.inspect(second))?.id ?? second;
  const later = await open(stateDir, gc);
  const fourth = await publish({ bare: true });
  await later.images.pull(fourth, auth());
  // Its names go first: it is gone when the engine does not know its id any more.
  await expect.poll(async () => isThere(secondId), { timeout: 60_000 }).toBe(false);
  expect(await isThere(second)).toBe(false);
  expect(await Promise.all([before, first, third, fourth].map(isThere))).toEqual([true, true, true, true]);
  await later.close();

  const last = await open(stateDir, { maxUnusedMs: 1 });
  const { removed } = await last.images.gc();
  expect(removed.map(({ references: [name] }) => name)).toEqual([third, first, fourth]);
  expect(await Promise.all([before, first, third, fourth].map(isThere))).toEqual([true, false, false, false]);
  await engine.images.remove?.(before);
});

it('leaves what a stopped container was made of, what somebody named and what is to be kept, until that is over', async () => {
  const stateDir = await temporaryFolder();
  const [used, named, keep] = [
    await publish({ bare: false }),
    await publish({ bare: true }),
    await publish({ bare: true }),
  ];
  const repository = keep.slice(0, -2);
  const runtime = await open(stateDir, { maxUnusedMs: 1, keep: [repository] });
  await runtime.images.pull(used, auth());
  // Not one of ours, and never started.
  const { stdout: container } = await run('docker', ['create', used, 'true']);
  const other = `theirs.example/gc-${String(process.pid)}:1`;
  await runtime.images.pull(named, auth());
  await engine.images.tag?.(named, other);
  await runtime.images.pull(keep, auth());

  // What was used this very millisecond is not unused for too long.
  const pulledAt = Date.now();
  await expect.poll(() => Date.now() - pulledAt).toBeGreaterThan(1);
  const report = await runtime.images.gc();
  expect(whyOf(report)).toEqual({
    [used]: 'used_by_container',
    [named]: 'named_by_others',
    [keep]: 'matches_keep',
  });
  expect(await Promise.all([used, named, keep].map(isThere))).toEqual([true, true, true]);

  await engine.containers.remove(container.trim());
  await engine.images.remove?.(other);
  expect(whyOf(await runtime.images.gc())).toEqual({
    [used]: 'unused_for_too_long',
    [named]: 'unused_for_too_long',
    [keep]: 'matches_keep',
  });
  expect(await Promise.all([used, named, keep].map(isThere))).toEqual([false, false, true]);
  await engine.images.remove?.(keep);
});

it('runs what another process would remove that moment', async () => {
  const stateDir = await temporaryFolder();
  const name = await publish({ bare: false });
  const remover = await open(stateDir, { maxUnusedMs: 1 });
  const runner = await open(stateDir, { maxUnusedMs: 1 });
  const job = { docker: { image: name, command: ['true'] } };
  for (let round = 0; round < 5; round += 1) {
    const [result, report] = await Promise.all([runner.runJob(job, auth()), remover.images.gc()]);
    expect(result.status).toBe('succeeded');
    expect(report.kept.length + report.removed.length).toBeLessThanOrEqual(1);
  }
  await remover.images.gc();
  expect(await isThere(name)).toBe(false);
});
