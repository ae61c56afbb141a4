/** The volumes of a run are made before the helper that has them, looked into through it, and removed only where they are the run's own. */
import { EngineError } from 'berthkit';
import { type EngineCall, fakeEngine, type FakeEngineScript } from 'berthkit/testing';
import { pack } from 'tar-stream';
import { describe, expect, it, vi } from 'vitest';
import type { ContainerEngine } from '../../src/engine/types.js';
import { canUseVolumes, createVolumeTransport, removeVolumes } from '../../src/execute/volume-transport.js';
import { helperSpec } from '../../src/workspace/helper-container.js';
import { checkedEngine } from './signal-check.js';
import { specOf } from './spec-fixture.js';

const LABELS = { run: 'r1' };
const FOLDER = 'r1-folder';
const LAYOUT = {
  helperFolder: FOLDER,
  volumes: ['r1-work', 'r1-in'],
  links: [{ path: 'inputs', target: '/somewhere' }],
  mountPoints: ['mounted'],
};
const HELPER = {
  ...helperSpec(specOf(), {
    name: 'r1-files',
    kindLabel: 'kind',
    mounts: [
      {
        type: 'volume',
        source: 'r1-work',
        subpath: null,
        target: `/${FOLDER}/workspace`,
        readOnly: false,
      },
      { type: 'volume', source: 'r1-in', subpath: null, target: `/${FOLDER}/in`, readOnly: false },
    ],
    tmpfs: [],
  }),
  labels: LABELS,
};

async function make(script: FakeEngineScript = {}, signal = new AbortController().signal) {
  const engine = fakeEngine(script);
  const transport = await createVolumeTransport({ engine, layout: LAYOUT, helper: HELPER, signal });
  return { engine, transport };
}
const fresh = (): AbortSignal => new AbortController().signal;

/** A tar of one file in the workspace. */
const tarOf = (name: string, content: string): AsyncIterable<Uint8Array> => {
  const tar = pack();
  tar.entry({ name: `${FOLDER}/workspace/${name}` }, content);
  tar.finalize();
  return tar as AsyncIterable<Uint8Array>;
};

describe('the volumes of a run', () => {
  it('are made, with its labels, before the helper that has them', async () => {
    const { engine } = await make();
    expect(engine.calls.map(({ call, target }) => [call, target])).toEqual([
      ['volumes.create', 'r1-work'],
      ['volumes.create', 'r1-in'],
      ['containers.create', 'r1-files'],
    ]);
    expect((await engine.volumes?.list(LABELS))?.map(({ name }) => name)).toEqual(['r1-work', 'r1-in']);
  });

  it('are filled, looked into and measured through it', async () => {
    const { transport } = await make();
    await transport.fill(tarOf('a.txt', 'hello'), fresh());
    const { workspace } = transport;
    expect(workspace.rootName).toBe('workspace');
    expect(await workspace.lookAt([], fresh())).toBe('directory');
    expect(await workspace.lookAt(['a.txt'], fresh())).toBe('file');
    expect(await workspace.lookAt(['b.txt'], fresh())).toBeNull();
    const parts: Uint8Array[] = [];
    for await (const part of await workspace.copyOut(['a.txt'], fresh())) parts.push(part);
    expect(Buffer.concat(parts).toString()).toContain('hello');
    const bounds = { maxBytes: 1_000_000, maxEntries: 10, signal: fresh() };
    expect(await transport.measure(bounds)).toMatchObject({ entries: 1 });
  });

  it('hold, of what was put there by us, the links as they were made and what is mounted', async () => {
    const { isOurs } = (await make()).transport.workspace;
    expect(isOurs('inputs', '/somewhere')).toBe(true);
    expect(isOurs('inputs', '/elsewhere')).toBe(false);
    expect(isOurs('inputs', null)).toBe(false);
    expect(isOurs('other', null)).toBe(false);
    expect(isOurs('mounted', null)).toBe(true);
  });

  it.each([
    ['before the first', 'volumes.create', 0],
    ['before the second', 'volumes.create', 1],
    ['before the helper', 'containers.create', 2],
  ] as const)('are made no further when the run is stopped %s', async (_, next, made) => {
    const stop = new AbortController();
    const fake = fakeEngine();
    let calls = 0;
    const stopping = (): void => {
      calls += 1;
      if (calls === made) stop.abort(new Error('enough'));
    };
    if (made === 0) stop.abort(new Error('enough'));
    const { volumes } = fake;
    if (volumes === undefined) throw new Error('no volumes');
    const engine: ContainerEngine = {
      ...fake,
      volumes: {
        ...volumes,
        create: async (...given) => {
          await volumes.create(...given);
          stopping();
        },
      },
    };
    const making = createVolumeTransport({ engine, layout: LAYOUT, helper: HELPER, signal: stop.signal });
    await expect(making).rejects.toThrow('enough');
    expect(fake.calls).toHaveLength(made);
    expect(fake.calls.slice(made).map(({ call }) => call)).not.toContain(next);
  });
});

describe('a call about volumes', () => {
  it('has a signal by which it can be given up', async () => {
    const without: string[] = [];
    const engine = checkedEngine(fakeEngine(), without);
    const parts = { engine, layout: LAYOUT, helper: HELPER };
    const { fill, workspace } = await createVolumeTransport({ ...parts, signal: fresh() });
    await fill(tarOf('a.txt', 'hello'), fresh());
    await workspace.lookAt([], fresh());
    await workspace.copyOut([], fresh());
    const [helper] = await engine.containers.list(LABELS, { signal: fresh() });
    await engine.containers.remove(helper?.id ?? '', { signal: fresh() });
    await removeVolumes(engine, parts, fresh());
    expect([without, engine.volumes && (await engine.volumes.list({}, { signal: fresh() }))]).toEqual([
      [],
      [],
    ]);
  });

  it.each<[string, EngineCall]>([
    ['create a volume', 'volumes.create'],
    ['create', 'containers.create'],
    ['look at a path', 'containers.lookAt'],
    ['list volumes', 'volumes.list'],
    ['remove a volume', 'volumes.remove'],
  ])('that hangs is given up and told by its name: %s', async (name, call) => {
    vi.useFakeTimers();
    try {
      const engine = fakeEngine({ fail: [{ call, hang: true }] });
      const parts = { engine, layout: LAYOUT, helper: HELPER };
      const told = vi.fn();
      const all = async (): Promise<void> => {
        const { workspace } = await createVolumeTransport({ ...parts, signal: fresh() });
        await workspace.lookAt([], fresh());
        await removeVolumes(engine, parts, fresh());
      };
      all().catch(told);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(told.mock.lastCall).toMatchObject([
        { code: 'engine.unreachable', message: `the engine did not answer "${name}" within 60000 ms` },
      ]);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('an engine', () => {
  it.each([
    ['volumes and copying', {}, true],
    ['no volumes', { volumes: false }, false],
    ['no copying', { copy: false }, false],
  ])('with %s', (_, capabilities, can) => {
    const fake = fakeEngine();
    expect(canUseVolumes({ ...fake, capabilities: { ...fake.capabilities, ...capabilities } })).toBe(can);
  });

  it.each(['volumes', 'copyIn', 'copyOut', 'lookAt'] as const)(
    'without %s is refused, with what helps',
    async (lacking) => {
      const fake = fakeEngine();
      const engine: ContainerEngine = { ...fake, containers: { ...fake.containers } };
      Reflect.deleteProperty(lacking === 'volumes' ? engine : engine.containers, lacking);
      const making = createVolumeTransport({ engine, layout: LAYOUT, helper: HELPER, signal: fresh() });
      await expect(making).rejects.toMatchObject({
        code: 'engine.unsupported',
        message:
          'engine "fake" has no volumes that files can be copied into, and the files of this run have no other way',
        hint: 'set workspace.transport to bind if the engine sees workspaceRoot',
      });
      expect(fake.calls).toEqual([]);
    },
  );
});

describe('the removal of volumes', () => {
  it('takes those of the run, by name and by label, and no other', async () => {
    const { engine } = await make();
    await engine.volumes?.create({ name: 'stranger', labels: LABELS });
    await engine.containers.list(LABELS).then(async ([helper]) => engine.containers.remove(helper?.id ?? ''));
    const layout = { ...LAYOUT, volumes: [...LAYOUT.volumes, 'not-made'] };
    await removeVolumes(engine, { layout, helper: HELPER }, fresh());
    expect(engine.leftovers()).toEqual(['stranger']);
    await removeVolumes(engine, { layout, helper: { ...HELPER, labels: { run: 'r2' } } }, fresh());
    expect(engine.leftovers()).toEqual(['stranger']);
  });

  it('leaves alone what bears the name but not the labels', async () => {
    const engine = fakeEngine();
    await engine.volumes?.create({ name: 'r1-work', labels: { run: 'r2' } });
    await removeVolumes(engine, { layout: LAYOUT, helper: HELPER }, fresh());
    expect(engine.leftovers()).toEqual(['r1-work']);
  });

  it('is done where the engine has none, and tells what keeps it', async () => {
    await removeVolumes(fakeEngine({ volumes: false }), { layout: LAYOUT, helper: HELPER }, fresh());
    const error = new EngineError('engine.unreachable', 'gone');
    const { engine } = await make({ fail: [{ call: 'volumes.remove', error }] });
    await expect(removeVolumes(engine, { layout: LAYOUT, helper: HELPER }, fresh())).rejects.toBe(error);
  });
});
