/** Volumes that dead processes left go with their helper, by labels and name together; all others stay. On the fake engine. */
import process from 'node:process';
import { join } from 'node:path';
import { createRuntime, type ContainerEngine, EngineError, type Runtime } from 'berthkit';
import { fakeEngine, type FakeEngine, type FakeEngineScript } from 'berthkit/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { containerName, helperName } from '../../src/base/container-name.js';
import { processOwner } from '../../src/host/process-identity.js';
import { hardenedSpec } from '../engine/docker/specs.js';
import { deadOwner } from '../host/child-owner.js';
import { scratch } from '../host/scratch.js';

const NAME = containerName('berthkit', 'left', 'r1', 1);

const labelsOf = (owner: string, more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  'berthkit.managed': 'true',
  'berthkit.instance': 'here',
  'berthkit.owner': owner,
  'berthkit.run-id': 'r1',
  'berthkit.attempt': '1',
  'berthkit.job': 'left',
  'berthkit.kind': 'helper',
  ...more,
});

async function setUp(
  transport: 'bind' | 'volume' | 'auto' = 'auto',
  script: FakeEngineScript = {},
): Promise<{ readonly engine: FakeEngine; readonly runtime: Runtime }> {
  const folder = await scratch();
  const engine = fakeEngine(script);
  const config = {
    workspaceRoot: join(folder, 'root'),
    secretsRoot: join(folder, 'secrets'),
    instanceId: 'here',
    workspace: { transport },
  };
  const runtime = createRuntime(config, { engine });
  onTestFinished(() => runtime.close().then(() => undefined));
  return { engine, runtime };
}

const make = async (
  { volumes }: ContainerEngine,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<void> => volumes?.create({ name, labels });

describe('reconcile', () => {
  it('removes the helper of a dead process, then its volumes, and lists no helper as a run', async () => {
    const { engine, runtime } = await setUp();
    const labels = labelsOf(await deadOwner());
    const [work, files] = [helperName(NAME, 'work'), helperName(NAME, 'files')];
    await make(engine, work, labels);
    const mounts = [{ type: 'volume', source: work, subpath: null, target: '/w', readOnly: false } as const];
    await engine.containers.create(
      hardenedSpec({ name: files, image: `sha256:${'a'.repeat(64)}`, labels, mounts }),
    );
    expect(await runtime.openRuns()).toEqual([]);
    const { actions, leftAlone } = await runtime.reconcile();
    expect(actions).toMatchObject([
      { action: 'removed', what: 'container', name: files, runId: 'r1', problem: null },
      { action: 'removed', what: 'volume', name: work, runId: 'r1', problem: null },
    ]);
    expect(leftAlone).toEqual([]);
    expect(engine.leftovers()).toEqual([]);
  });

  it('leaves what is alive, of others, or only looks like ours', async () => {
    const { engine, runtime } = await setUp();
    const dead = await deadOwner();
    const ours = helperName(NAME, 'work');
    await make(engine, ours, labelsOf(processOwner(process.pid)));
    await make(engine, 'stranger', {});
    await make(engine, `${NAME}-other`, labelsOf(dead));
    await make(engine, NAME, labelsOf(dead, { 'berthkit.kind': 'job' }));
    await make(engine, helperName(NAME, 'inputs'), labelsOf(dead, { 'berthkit.instance': 'there' }));
    const { actions, leftAlone } = await runtime.reconcile();
    expect(actions).toEqual([]);
    expect(leftAlone).toMatchObject([
      { what: 'volume', name: `${NAME}-other`, why: 'look_alike' },
      { what: 'volume', name: NAME, why: 'look_alike' },
      { what: 'volume', name: helperName(NAME, 'inputs'), why: 'other_instance' },
    ]);
    expect(engine.leftovers()).toHaveLength(5);
  });

  it('asks for no volumes where none is made', async () => {
    const { engine, runtime } = await setUp('bind');
    await runtime.reconcile();
    expect(engine.calls.map(({ call }) => call)).not.toContain('volumes.list');
  });

  describe('where the engine lists none', () => {
    const fails = (code: EngineError['code']) =>
      ({ fail: [{ call: 'volumes.list', times: 1, error: new EngineError(code, 'no') }] }) as const;
    const leave = async (engine: ContainerEngine): Promise<void> => {
      const spec = { name: helperName(NAME, 'files'), image: `sha256:${'a'.repeat(64)}`, mounts: [] };
      await engine.containers.create(hardenedSpec({ ...spec, labels: labelsOf(await deadOwner()) }));
    };

    it.each(['engine.failed', 'engine.not_found', 'engine.unsupported'] as const)(
      'removes all else, and volumes in the next pass, where there may be none: %s',
      async (code) => {
        const { engine, runtime } = await setUp('auto', fails(code));
        await leave(engine);
        const work = helperName(NAME, 'work');
        await make(engine, work, labelsOf(await deadOwner()));
        expect((await runtime.reconcile()).actions).toMatchObject([{ what: 'container' }]);
        expect((await runtime.reconcile()).actions).toMatchObject([{ what: 'volume', name: work }]);
        expect(engine.leftovers()).toEqual([]);
      },
    );

    it.each([
      ['volume', 'engine.failed'],
      ['auto', 'engine.unreachable'],
    ] as const)('touches nothing with %s, and %s', async (transport, code) => {
      const { engine, runtime } = await setUp(transport, fails(code));
      await leave(engine);
      await expect(runtime.reconcile()).rejects.toMatchObject({ code });
      expect(engine.leftovers()).toHaveLength(1);
      await runtime.reconcile();
      expect(engine.leftovers()).toEqual([]);
    });
  });
});
