/** The list of calls to the engine in the documentation: complete, nothing too much, and its core enough for a run. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Runtime } from 'berthkit';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { dockerEngine } from '../../src/engine/docker/docker-engine.js';
import { packEntries, readEntries, tarEntry } from '../../src/testing/tar-entries.js';
import { hardenedSpec } from '../engine/docker/specs.js';
import { type EngineProxyOptions, startEngineProxy } from '../proxy/engine-proxy.js';
import { asListed, readListedCalls } from './listed-calls.js';
import { temporaryFolder, testRuntime } from './setup.js';
import { connectToEngine, needsSharedFiles } from './test-engine.js';

let image = '';
let core: readonly string[] = [];
let all: readonly string[] = [];
beforeAll(async () => {
  image = await ensureImage('busybox');
  ({ core, all } = await readListedCalls());
});

async function contextOf(dockerfile: string): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'Dockerfile'), dockerfile);
  return folder;
}

/** Everything there is to do with images, with a registry that is not there. */
async function useImages({ images }: Runtime): Promise<void> {
  const name = '127.0.0.1:1/berthkit-api/x:1';
  await images.list();
  await images.history(image);
  await images.tag(image, name);
  await images.import(await images.export(name));
  await expect(images.push(name)).rejects.toMatchObject({ kind: 'image' });
  await expect(images.resolveDigest(name)).rejects.toMatchObject({ kind: 'image' });
  await images.build({ context: await contextOf(`FROM ${image}`), tag: name });
  await images.remove(name);
}

/** Everything there is to do with volumes, on an engine without a runtime. */
async function useVolumes(host: string): Promise<void> {
  const engine = dockerEngine({ host });
  const name = 'berthkit-api';
  const { containers, volumes } = engine;
  await volumes?.create({ name, labels: {} });
  const id = (await engine.images.inspect(image))?.id ?? '';
  const mounts = [{ type: 'volume', source: name, subpath: null, target: '/in', readOnly: false } as const];
  const made = await containers.create(hardenedSpec({ name, image: id, mounts }));
  await containers.copyIn?.(made.id, '/in', packEntries([tarEntry('file', { text: 'x' })]));
  expect(await containers.lookAt?.(made.id, '/in/file')).toBe('file');
  // The engine may be busy with a look for another test.
  const usedBytes = async (): Promise<unknown> => (await volumes?.usedBytes?.().catch(() => null))?.get(name);
  await expect.poll(usedBytes, { timeout: 60_000 }).toBe(1);
  const tar = await containers.copyOut?.(made.id, '/in/file');
  expect(tar && (await readEntries(tar))).toMatchObject([{ name: 'file', text: 'x' }]);
  await containers.remove(made.id);
  await volumes?.remove(name);
  expect((await volumes?.list({}))?.map((each) => each.name)).not.toContain(name);
  await engine.close();
}

async function proxy(options: Omit<EngineProxyOptions, 'engine'> = {}) {
  const started = await startEngineProxy({ engine: connectToEngine, ...options });
  onTestFinished(() => started.close());
  return started;
}

describe('the calls to the engine', () => {
  it('are those on the page, all of them and no others', async () => {
    const { host, calls } = await proxy();
    const runtime = await testRuntime({ engine: { host } });
    const docker = { image, command: ['cat'], stdin: 'x' };
    await runtime.runJob({ slug: 'short', docker });
    // Long enough for its use of the machine to be read, and it has to be ended.
    const before = calls.length;
    const long = runtime.startJob({ slug: 'long', docker: { image, command: ['sleep', '300'] } });
    await expect
      .poll(() => calls.slice(before).some(({ path }) => path.endsWith('/stats')), { timeout: 60_000 })
      .toBe(true);
    long.cancel('enough');
    await long.result;
    // An end nobody asked for: the engine is asked whether it knows more.
    await runtime.runJob({ slug: 'killed', docker: { image, command: ['sh', '-c', 'kill -9 $$'] } });
    const pulled = { image: 'registry.invalid/absent:1', imagePullPolicy: 'always' as const };
    await expect(runtime.runJob({ slug: 'pulled', docker: pulled })).rejects.toMatchObject({
      kind: 'image',
    });
    await useImages(runtime);
    await useVolumes(host);
    await runtime.doctor({ image });
    await runtime.readiness();
    await runtime.openRuns({ all: true });
    await runtime.reconcile();
    expect([...new Set(calls.map(asListed))].sort()).toEqual([...all].sort());
  });

  it.each(['bind', 'auto'] as const)('of the core are enough for a run with %s', async (transport) => {
    needsSharedFiles('volumes need more calls than the core');
    const { host } = await proxy({
      spoil: (call) => (core.includes(asListed(call)) ? null : { kind: 'status', status: 500 }),
    });
    const runtime = await testRuntime({ engine: { host }, workspace: { transport } });
    const result = await runtime.runJob({ slug: 'core', docker: { image, command: ['echo', 'done'] } });
    expect(result).toMatchObject({ status: 'succeeded', stdout: { text: 'done\n' } });
    await runtime.reconcile();
  });
});
