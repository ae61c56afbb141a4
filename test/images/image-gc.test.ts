/** `images.gc` on the fake engine: what goes, what stays and why, over restarts and beside runs. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createRuntime,
  type ImageGcReport,
  type Runtime,
  type RuntimeConfigInput,
  type RuntimeEvent,
  type RuntimePorts,
} from 'berthkit';
import { type FakeEngine, fakeEngine, type FakeEngineScript } from 'berthkit/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let root = '';
const open: Runtime[] = [];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'berthkit-gc-'));
});
afterEach(async () => {
  for (const runtime of open.splice(0)) await runtime.close();
  await rm(root, { recursive: true, force: true });
});

const of = (name: string) => `ghcr.io/acme/${name}`;
const REGISTRY: FakeEngineScript = {
  images: { [of('old:1')]: { sizeBytes: 100 } },
  pullable: {
    [of('a:1')]: { sizeBytes: 100 },
    [of('b:1')]: { sizeBytes: 100 },
    [of('c:1')]: { sizeBytes: 100 },
    [of('old:1')]: { sizeBytes: 100 },
  },
};

interface SetUp {
  readonly engine?: FakeEngine;
  readonly gc?: NonNullable<RuntimeConfigInput['images']>['gc'];
  readonly config?: RuntimeConfigInput;
  readonly ports?: RuntimePorts;
}

let nowMs = 1_700_000_000_000;
function setUp({ engine = fakeEngine(REGISTRY), gc = { maxBytes: 250 }, config, ports }: SetUp = {}) {
  const events: RuntimeEvent[] = [];
  const runtime = createRuntime(
    {
      workspaceRoot: join(root, 'work'),
      stateDir: join(root, 'state'),
      instanceId: 'ours',
      images: { gc },
      ...config,
    },
    {
      engine,
      clock: { now: () => nowMs, monotonic: () => performance.now() },
      onRuntimeEvent: (event) => events.push(event),
      ...ports,
    },
  );
  open.push(runtime);
  const pull = async (...names: readonly string[]): Promise<void> => {
    for (const name of names) {
      nowMs += 1_000;
      await runtime.images.pull(of(name));
    }
  };
  const run = async (name: string, options = {}) => {
    nowMs += 1_000;
    return runtime.runJob({ docker: { image: of(name) } }, options);
  };
  return { runtime, engine, events, pull, run };
}

const namesOn = async (engine: FakeEngine): Promise<readonly string[]> =>
  ((await engine.images.list?.()) ?? []).flatMap(({ repoTags }) => repoTags).sort();
const whyOf = ({ removed, kept }: ImageGcReport): Readonly<Record<string, string>> =>
  Object.fromEntries([...removed, ...kept].map(({ references, why }) => [references[0] ?? '', why]));

describe('what goes', () => {
  it('is the least recently used of what was pulled, by itself after a pull', async () => {
    const { engine, pull, events } = setUp();
    await pull('a:1', 'b:1', 'a:1', 'c:1');
    await expect.poll(async () => namesOn(engine)).toEqual([of('a:1'), of('c:1'), of('old:1')]);
    await expect.poll(() => events.map(({ type }) => type)).toEqual(['image_removed']);
    expect(events[0]).toMatchObject({
      image: { references: [of('b:1')], why: 'too_many_bytes', sizeBytes: 100 },
    });
  });

  it('counts a run as use', async () => {
    const { engine, pull, run } = setUp();
    await pull('a:1', 'b:1');
    expect((await run('a:1')).status).toBe('succeeded');
    await pull('c:1');
    await expect.poll(async () => namesOn(engine)).toEqual([of('a:1'), of('c:1'), of('old:1')]);
  });

  it('is what was not used for too long, also by the next process', async () => {
    const engine = fakeEngine(REGISTRY);
    const gc = { maxUnusedMs: 60_000 };
    const first = setUp({ engine, gc });
    await first.pull('a:1', 'b:1');
    await first.runtime.close();
    nowMs += 59_000;
    const { runtime } = setUp({ engine, gc });
    const dry = await runtime.images.gc({ dryRun: true });
    expect(dry.dryRun).toBe(true);
    expect(whyOf(dry)).toEqual({ [of('a:1')]: 'within_bounds', [of('b:1')]: 'within_bounds' });
    nowMs += 500;
    expect(whyOf(await runtime.images.gc({ dryRun: true }))).toEqual({
      [of('a:1')]: 'unused_for_too_long',
      [of('b:1')]: 'within_bounds',
    });
    expect(await namesOn(engine)).toContain(of('a:1'));
    const report = await runtime.images.gc();
    expect(report.removed.map(({ references }) => references)).toEqual([[of('a:1')]]);
    expect(await namesOn(engine)).toEqual([of('b:1'), of('old:1')]);
    expect(whyOf(await runtime.images.gc())).toEqual({ [of('b:1')]: 'within_bounds' });
  });

  it('is an image that was pulled for a run, under all the names it was pulled under', async () => {
    const same = { id: `sha256:${'5'.repeat(64)}`, sizeBytes: 300 };
    const engine = fakeEngine({ images: {}, pullable: { [of('a:1')]: same, [of('a:2')]: same } });
    const { run, runtime } = setUp({ engine, gc: { maxUnusedMs: 10_000 } });
    await run('a:1');
    await runtime.images.pull(of('a:2'));
    nowMs += 20_000;
    const { removed } = await runtime.images.gc();
    expect(removed.map(({ references }) => [...references].sort())).toEqual([[of('a:1'), of('a:2')]]);
    expect(await namesOn(engine)).toEqual([]);
  });
});

describe('what stays', () => {
  const AT_ONCE = { maxUnusedMs: 1 };

  it('is what was there before, however often it is pulled', async () => {
    const { engine, pull, runtime } = setUp({ gc: AT_ONCE });
    await pull('old:1', 'old:1');
    nowMs += 60_000;
    expect(await runtime.images.gc()).toEqual({ dryRun: false, removed: [], kept: [] });
    expect(await namesOn(engine)).toEqual([of('old:1')]);
  });

  it('is what has a name that somebody gave it', async () => {
    const same = { id: `sha256:${'5'.repeat(64)}`, sizeBytes: 300 };
    const registry = { images: {}, pullable: { [of('a:1')]: same, [of('b:1')]: same } };
    const { pull, runtime, engine } = setUp({ engine: fakeEngine(registry), gc: AT_ONCE });
    await pull('a:1');
    await engine.images.tag?.(of('a:1'), of('b:1'));
    // Theirs it stays, also when it is pulled and was what it should be.
    await pull('b:1');
    nowMs += 60_000;
    expect(whyOf(await runtime.images.gc())).toEqual({ [of('a:1')]: 'named_by_others' });
    expect(await namesOn(engine)).toContain(of('a:1'));
  });

  it('is what matches keep', async () => {
    const { pull, runtime } = setUp({ gc: { ...AT_ONCE, keep: [of('a')] } });
    await pull('a:1', 'b:1');
    nowMs += 60_000;
    expect(whyOf(await runtime.images.gc())).toEqual({
      [of('a:1')]: 'matches_keep',
      [of('b:1')]: 'unused_for_too_long',
    });
  });

  it('is what a container was made of, also one that ended', async () => {
    const { run, runtime, engine } = setUp({ gc: AT_ONCE });
    await run('a:1', { retention: { container: 'always', workspace: 'never' } });
    nowMs += 60_000;
    expect(whyOf(await runtime.images.gc())).toEqual({ [of('a:1')]: 'used_by_container' });
    for (const { id } of await engine.containers.list({})) await engine.containers.remove(id);
    expect(whyOf(await runtime.images.gc())).toEqual({ [of('a:1')]: 'unused_for_too_long' });
  });

  it('is what a run has chosen and made no container of yet, for every process', async () => {
    const engine = fakeEngine(REGISTRY);
    const other = setUp({ engine, gc: AT_ONCE });
    const seen: ImageGcReport[] = [];
    const { run } = setUp({
      engine,
      gc: AT_ONCE,
      ports: {
        verifyImage: async () => {
          nowMs += 60_000;
          seen.push(await other.runtime.images.gc());
          return { ok: true };
        },
      },
    });
    expect((await run('a:1')).status).toBe('succeeded');
    expect(seen.map(whyOf)).toEqual([{ [of('a:1')]: 'about_to_run' }]);
    expect(await readdir(join(root, 'state', 'images', 'claims'))).toEqual([]);
    nowMs += 60_000;
    expect(whyOf(await other.runtime.images.gc())).toEqual({ [of('a:1')]: 'unused_for_too_long' });
  });

  it('is what the engine does not remove, and the report says what it said', async () => {
    const engine = fakeEngine({ ...REGISTRY, fail: [{ call: 'images.remove' }] });
    const { pull, runtime } = setUp({ engine, gc: AT_ONCE });
    await pull('a:1', 'b:1');
    nowMs += 60_000;
    const { kept } = await runtime.images.gc();
    const failed = { why: 'removal_failed', problem: 'the script fails images.remove' };
    expect(kept).toMatchObject([failed, failed]);
    expect(await namesOn(engine)).toEqual([of('a:1'), of('b:1'), of('old:1')]);
  });

  it('is everything of another instance, and what was pulled while nothing was bounded', async () => {
    const engine = fakeEngine(REGISTRY);
    await setUp({ engine, gc: {} }).pull('a:1');
    await setUp({ engine, gc: AT_ONCE, config: { instanceId: 'theirs' } }).pull('b:1');
    nowMs += 60_000;
    expect(await setUp({ engine, gc: AT_ONCE }).runtime.images.gc()).toMatchObject({ removed: [], kept: [] });
  });
});

it('never fails a run that wants the image which is being removed', async () => {
  const engine = fakeEngine(REGISTRY);
  const { pull, runtime, run } = setUp({ engine, gc: { maxUnusedMs: 1 } });
  for (let round = 0; round < 8; round += 1) {
    await pull('a:1');
    nowMs += 60_000;
    const [report, result] = await Promise.all([runtime.images.gc(), run('a:1')]);
    expect(result.status).toBe('succeeded');
    expect(report.removed.length + report.kept.length).toBe(1);
  }
});

it('remembers nothing where nothing is bounded', async () => {
  const { run, runtime } = setUp({ gc: {} });
  await run('a:1');
  expect(await readdir(join(root, 'state'))).not.toContain('images');
  expect(await runtime.images.gc()).toEqual({ dryRun: false, removed: [], kept: [] });
});

it('tells of a look that could not be made, and pulls in spite of it', async () => {
  const engine = fakeEngine(REGISTRY);
  const { inspect, pull: fetch, list } = engine.images;
  const lacking = { ...engine, images: { inspect, pull: fetch, ...(list === undefined ? {} : { list }) } };
  const { runtime, pull, events } = setUp({ engine: lacking });
  await pull('a:1');
  await expect
    .poll(() => events)
    .toMatchObject([{ type: 'image_gc_failed', message: 'engine "fake" has no images.remove' }]);
  await expect(runtime.images.gc()).rejects.toMatchObject({ code: 'engine.unsupported' });
});

it('looks no more once the runtime is closed', async () => {
  const { runtime } = setUp();
  await runtime.close();
  await expect(runtime.images.gc()).rejects.toMatchObject({ code: 'runtime.closed' });
});
