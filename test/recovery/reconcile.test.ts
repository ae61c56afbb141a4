/** What dead processes left is removed, with its proof; everything else stays and is reported. On the fake engine and a real folder. */
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { createRuntime, EngineError, type Runtime, type RuntimeEvent, type RuntimePorts } from 'berthkit';
import { fakeEngine, type FakeEngine, type FakeEngineScript } from 'berthkit/testing';
import { describe, expect, it, vi } from 'vitest';
import { containerName } from '../../src/base/container-name.js';
import { processOwner } from '../../src/host/process-identity.js';
import { compileJob } from '../../src/job/compile.js';
import { parseJobShape } from '../../src/job/validate.js';
import { parseConfig } from '../../src/config/parse.js';
import { materializeContainer } from '../../src/plan/materialize.js';
import { planRun } from '../../src/plan/plan-run.js';
import { judgeRequest } from '../../src/policy/judge.js';
import { createWorkspace } from '../../src/workspace/create.js';
import { createSecretFiles } from '../../src/workspace/secret-files.js';
import { deadOwner, startChildOwner } from '../host/child-owner.js';
import { noSignal, scratch } from '../host/scratch.js';

const INSTANCE = 'here';
const self = processOwner(process.pid);
const JOB = { docker: { image: 'busybox:1' } };

interface Setup {
  readonly engine: FakeEngine;
  readonly runtime: Runtime;
  readonly root: string;
  readonly secretsRoot: string;
}

async function setUp(script: FakeEngineScript = {}, ports: RuntimePorts = {}): Promise<Setup> {
  const folder = await scratch();
  const root = join(folder, 'root');
  const secretsRoot = join(folder, 'secrets');
  const engine = fakeEngine(script);
  const config = { workspaceRoot: root, secretsRoot, instanceId: INSTANCE };
  const runtime = createRuntime(config, { engine, ...ports });
  return { engine, runtime, root, secretsRoot };
}

/** Creates the container an owner would create, through the same plan. */
async function leaveContainer(
  { engine }: Setup,
  left: {
    readonly owner: string;
    readonly runId: string;
    readonly instance?: string;
    readonly name?: string;
    readonly labels?: Readonly<Record<string, string>>;
  },
): Promise<string> {
  const shape = parseJobShape({ slug: 'left', docker: { image: 'busybox:1' } });
  if (!shape.ok) throw new Error('no job');
  const config = parseConfig();
  const plan = planRun(judgeRequest(compileJob(shape.job), config.policy), config, { caller: null });
  const { spec } = materializeContainer(plan, {
    runId: left.runId,
    attempt: 1,
    imageId: `sha256:${'a'.repeat(64)}`,
    imageVolumes: [],
    imageEnvironment: [],
    workspacePath: '/w',
    labelPrefix: 'berthkit',
    instance: left.instance ?? INSTANCE,
    owner: left.owner,
    createdAt: new Date(0).toISOString(),
    secrets: new Map(),
    proxies: new Map(),
    secretsPath: null,
    skippedInputs: new Set(),
    stdin: false,
  });
  const name = left.name ?? spec.name;
  await engine.containers.create({ ...spec, name, labels: { ...spec.labels, ...left.labels } });
  return name;
}

async function leaveFolder(root: string, owner: string, runId: string, instance = INSTANCE): Promise<string> {
  const user = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const { path, workspacePath } = await createWorkspace(root, {
    name: 'left',
    user,
    mark: { instance, owner, runId },
  });
  await writeFile(join(workspacePath, 'data'), 'x');
  return path;
}

async function leaveSecrets(root: string, owner: string, instance = INSTANCE): Promise<string> {
  const { path } = await createSecretFiles({
    root,
    allowDisk: true,
    mark: { instance, owner, runId: 'r1' },
    user: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    values: new Map([['TOKEN', 'value']]),
    signal: noSignal(),
  });
  return dirname(path);
}

describe('reconcile', () => {
  it('removes the secrets of a dead process, also where its container stays, and no others', async () => {
    const setup = await setUp({
      fail: [{ call: 'containers.remove', error: new EngineError('engine.failed', 'busy') }],
    });
    const owner = await deadOwner();
    const name = await leaveContainer(setup, { owner, runId: 'r1' });
    const path = await leaveSecrets(setup.secretsRoot, owner);
    const elsewhere = await leaveSecrets(setup.secretsRoot, owner, 'elsewhere');
    const living = await leaveSecrets(setup.secretsRoot, self);
    const { actions, leftAlone } = await setup.runtime.reconcile();
    expect(actions).toMatchObject([
      { what: 'secrets', name: path, runId: 'r1', owner, problem: null },
      { what: 'container', name, problem: 'busy' },
    ]);
    expect(leftAlone).toMatchObject([{ what: 'secrets', name: elsewhere, why: 'other_instance' }]);
    expect((await readdir(setup.secretsRoot)).sort()).toEqual(
      [elsewhere, living].map((left) => basename(left)).sort(),
    );
  });

  it('removes containers and folders of a dead process, with the proof', async () => {
    const setup = await setUp();
    const owner = await deadOwner();
    const name = await leaveContainer(setup, { owner, runId: 'r1' });
    const path = await leaveFolder(setup.root, owner, 'r1');
    const wanted = [
      { action: 'removed', what: 'container', name, runId: 'r1', owner, problem: null },
      { action: 'removed', what: 'workspace', name: path, runId: 'r1', owner, problem: null },
    ];
    const dry = await setup.runtime.reconcile({ dryRun: true });
    expect(dry).toMatchObject({ dryRun: true, actions: wanted, leftAlone: [] });
    expect(setup.engine.leftovers()).toEqual([name]);
    expect(await readdir(setup.root)).toHaveLength(1);

    const report = await setup.runtime.reconcile();
    expect(report).toMatchObject({ dryRun: false, actions: wanted, leftAlone: [] });
    for (const { proof } of report.actions) expect(proof).toMatch(/^process \d+ is gone$/);
    expect(setup.engine.leftovers()).toEqual([]);
    expect(await readdir(setup.root)).toEqual([]);
    expect(await setup.runtime.reconcile()).toMatchObject({ actions: [], leftAlone: [] });
    await setup.runtime.close();
  });

  it('leaves what a dead process kept on purpose, and reports it', async () => {
    const setup = await setUp();
    const owner = await deadOwner();
    const name = await leaveContainer(setup, { owner, runId: 'r1' });
    const path = await leaveFolder(setup.root, owner, 'r1');
    const container = { id: (await setup.engine.containers.inspect(name))?.id ?? '', name };
    const note = { runId: 'r1', attempt: 1, keptAt: new Date().toISOString(), container, instance: INSTANCE };
    await writeFile(join(path, 'kept.json'), JSON.stringify({ ...note, keepsFiles: true, sizeBytes: 1 }));
    const report = await setup.runtime.reconcile();
    expect(report).toMatchObject({
      actions: [],
      leftAlone: [
        { what: 'container', name, why: 'kept' },
        { what: 'workspace', name: path, why: 'kept' },
      ],
    });
    expect((await setup.runtime.close()).kept).toMatchObject([{ runId: 'r1', folder: path, container }]);
    expect(setup.engine.leftovers()).toEqual([name]);
  });

  it('leaves alone, and reports, what is not proven to be a dead process’s', async () => {
    const setup = await setUp();
    const { owner: alive, end } = await startChildOwner();
    const dead = await deadOwner();
    const elsewhere = dead.replace(/^[^.]+\.\d+/, (start) => start.replace(/\d+$/, '1'));
    const kept = [
      await leaveContainer(setup, { owner: alive, runId: 'alive' }),
      await leaveContainer(setup, { owner: elsewhere, runId: 'elsewhere' }),
      await leaveContainer(setup, { owner: dead, runId: 'other', instance: 'there' }),
      await leaveContainer(setup, { owner: dead, runId: 'alike', name: 'postgres' }),
      await leaveContainer(setup, { owner: self, runId: 'own' }),
    ];
    const folders = [
      await leaveFolder(setup.root, alive, 'alive'),
      await leaveFolder(setup.root, elsewhere, 'elsewhere'),
      await leaveFolder(setup.root, dead, 'other', 'there'),
      await leaveFolder(setup.root, self, 'own'),
    ];
    const alike = join(setup.root, 'run-alike-abcdef');
    await mkdir(alike);
    await writeFile(join(alike, 'owner.json'), '{"owner":');
    await symlink(alike, join(setup.root, 'run-link-abcdef'));
    await mkdir(join(setup.root, 'something'));

    const { actions, leftAlone } = await setup.runtime.reconcile();
    expect(actions).toEqual([]);
    const told = leftAlone.map(({ what, name, why }) => `${what} ${name} ${why}`);
    expect(told.sort()).toEqual(
      [
        `container ${kept[0] ?? ''} alive`,
        `container ${kept[1] ?? ''} owner_unknown`,
        `container ${kept[2] ?? ''} other_instance`,
        'container postgres look_alike',
        `workspace ${folders[0] ?? ''} alive`,
        `workspace ${folders[1] ?? ''} owner_unknown`,
        `workspace ${folders[2] ?? ''} other_instance`,
        `workspace ${alike} look_alike`,
      ].sort(),
    );
    expect([...setup.engine.leftovers()].sort()).toEqual([...kept].sort());
    expect(await readdir(setup.root)).toHaveLength(7);
    await end();
    await setup.runtime.close();
  });

  it('leaves alone, and reports, what a newer version left in a way it does not know, and goes on with the rest', async () => {
    const setup = await setUp();
    const owner = await deadOwner();
    const newer = await leaveContainer(setup, { owner, runId: 'newer', labels: { 'berthkit.schema': '2' } });
    const newerFolder = await leaveFolder(setup.root, owner, 'newer');
    await writeFile(
      join(newerFolder, 'owner.json'),
      JSON.stringify({ schema: 2, instance: INSTANCE, owner, runId: 'newer' }),
    );
    const known = await leaveContainer(setup, { owner, runId: 'known' });
    const knownFolder = await leaveFolder(setup.root, owner, 'known');
    const { actions, leftAlone } = await setup.runtime.reconcile();
    expect(actions).toMatchObject([
      { what: 'container', name: known, runId: 'known', problem: null },
      { what: 'workspace', name: knownFolder, runId: 'known', problem: null },
    ]);
    expect(leftAlone).toMatchObject([
      { what: 'container', name: newer, runId: null, why: 'other_version' },
      { what: 'workspace', name: newerFolder, runId: null, why: 'look_alike' },
    ]);
    expect(setup.engine.leftovers()).toEqual([newer]);
    expect(await readdir(newerFolder)).toContain('owner.json');
    expect(await setup.runtime.openRuns({ all: true })).toEqual([]);
    await setup.runtime.close();
  });

  it('goes on after what cannot be removed, keeps its folder, and tries again', async () => {
    const error = new EngineError('engine.failed', 'device or resource busy');
    const setup = await setUp({ fail: [{ call: 'containers.remove', times: 1, error }] });
    const owner = await deadOwner();
    const stuck = await leaveContainer(setup, { owner, runId: 'stuck' });
    await leaveContainer(setup, { owner, runId: 'free' });
    const path = await leaveFolder(setup.root, owner, 'stuck');
    const { actions } = await setup.runtime.reconcile();
    expect(actions).toMatchObject([
      { name: stuck, problem: 'device or resource busy' },
      { name: containerName('berthkit', 'left', 'free', 1), problem: null },
      { name: path, problem: 'its container could not be removed' },
    ]);
    expect(setup.engine.leftovers()).toEqual([stuck]);
    await setup.runtime.reconcile();
    expect(setup.engine.leftovers()).toEqual([]);
    expect(await readdir(setup.root)).toEqual([]);
    await setup.runtime.close();
  });

  it('removes a folder that was never finished only while there is nothing in it', async () => {
    const setup = await setUp();
    const owner = await deadOwner();
    await mkdir(join(setup.root, `.making-${owner}-abcdef`), { recursive: true });
    await mkdir(join(setup.root, `.making-${owner}-ghijkl`));
    await writeFile(join(setup.root, `.making-${owner}-ghijkl`, 'owner.json'), '{');
    const full = join(setup.root, `.making-${owner}-mnopqr`);
    await mkdir(full);
    await writeFile(join(full, 'thesis.tex'), 'x');
    const { actions } = await setup.runtime.reconcile();
    expect(actions.filter(({ problem }) => problem === null)).toHaveLength(2);
    expect(actions.filter(({ problem }) => problem !== null)).toMatchObject([{ name: full }]);
    expect(await readdir(setup.root)).toEqual([`.making-${owner}-mnopqr`]);
    await setup.runtime.close();
  });

  it('touches nothing but secrets when the engine cannot be asked, and tells of those', async () => {
    const told: RuntimeEvent[] = [];
    const setup = await setUp({}, { onRuntimeEvent: (event) => told.push(event) });
    const owner = await deadOwner();
    const path = await leaveFolder(setup.root, owner, 'r1');
    const secrets = await leaveSecrets(setup.secretsRoot, owner);
    const living = await leaveSecrets(setup.secretsRoot, self);
    setup.engine.goAway();
    const unreachable = { code: 'engine.unreachable' };
    await expect(setup.runtime.reconcile({ dryRun: true })).rejects.toMatchObject(unreachable);
    expect([await readdir(setup.secretsRoot), told]).toMatchObject([{ length: 2 }, []]);
    await expect(setup.runtime.reconcile()).rejects.toMatchObject(unreachable);
    expect(await readdir(path)).toContain('owner.json');
    expect(await readdir(setup.secretsRoot)).toEqual([basename(living)]);
    expect(told).toMatchObject([
      { type: 'reconcile_action', done: { what: 'secrets', name: secrets, problem: null } },
      { type: 'engine_lost' },
      { type: 'reconcile_failed' },
    ]);
    await setup.runtime.close();
    await expect(setup.runtime.reconcile()).rejects.toMatchObject({ code: 'runtime.closed' });
  });

  it('leaves a run of its own alone while it is under way', async () => {
    const setup = await setUp({ run: (job) => job.sleepUntilKilled() });
    const run = setup.runtime.startJob({ docker: { image: 'busybox:1' } });
    for await (const { type } of run.events) if (type === 'container_started') break;
    expect(await setup.runtime.reconcile()).toMatchObject({ actions: [], leftAlone: [] });
    expect(setup.engine.leftovers()).toHaveLength(1);
    run.cancel();
    expect(await run.result).toMatchObject({ status: 'cancelled' });
    await setup.runtime.close();
  });
});

describe('what a run of this process could not remove when it ended', () => {
  it('is removed by the next pass, whatever else of this process is at work', async () => {
    const told: RuntimeEvent[] = [];
    const setup = await setUp(
      {
        run: async ({ environment }) =>
          environment['STAY'] === undefined ? { exitCode: 0 } : new Promise(() => undefined),
      },
      { onRuntimeEvent: (event) => told.push(event) },
    );
    const { engine, runtime } = setup;
    const job = (environment: Readonly<Record<string, string>> = {}) => ({
      docker: { image: 'busybox:1', environment },
    });
    const remove = vi.spyOn(engine.containers, 'remove').mockRejectedValue(new Error('not now'));
    const result = await runtime.runJob(job(), { runId: 'left' });
    expect(result.status).toBe('succeeded');
    expect(result.warnings.join()).toContain('clean-up of the container failed');
    const quarantined = { type: 'quarantined', runId: 'left', what: 'container', message: 'not now' };
    expect(told).toMatchObject([quarantined]);
    expect(await runtime.metrics()).toContain('\nberthkit_runs_quarantined 1\n');
    const staying = runtime.startJob(job({ STAY: '1' }), { runId: 'stays' });
    await vi.waitFor(
      () => {
        expect(staying.summary().phase).toBe('run');
      },
      { timeout: 60_000 },
    );
    expect(engine.leftovers()).toHaveLength(2);
    const removal = { action: 'removed', what: 'container', runId: 'left', owner: self };
    // What a pass cannot do either is there for the next one.
    expect((await runtime.reconcile()).actions).toMatchObject([{ ...removal, problem: 'not now' }]);
    remove.mockRestore();
    expect((await runtime.reconcile()).actions).toMatchObject([{ ...removal, problem: null }]);
    expect(engine.leftovers()).toHaveLength(1);
    expect(runtime.stats().quarantined).toBe(0);
    expect((await runtime.reconcile()).actions).toEqual([]);
    staying.cancel();
    expect((await staying.result).status).toBe('cancelled');
    await runtime.close();
    expect(engine.leftovers()).toEqual([]);
  });

  it('is removed by another runtime of the instance after the one that left it has closed', async () => {
    const setup = await setUp();
    const { engine, root, secretsRoot } = setup;
    const remove = vi.spyOn(engine.containers, 'remove').mockRejectedValue(new Error('not now'));
    for (const runId of ['left', 'again']) await setup.runtime.runJob(JOB, { runId });
    const ofInstance = (instanceId: string): Runtime =>
      createRuntime({ workspaceRoot: root, secretsRoot, instanceId }, { engine });
    const [next, another] = [ofInstance(INSTANCE), ofInstance('elsewhere')];
    // While it is open, that is its own affair.
    expect((await next.reconcile()).actions).toEqual([]);
    await setup.runtime.close();
    expect((await another.reconcile()).actions).toEqual([]);
    const removal = { action: 'removed', what: 'container', owner: self };
    const both = (problem: string | null) =>
      ['left', 'again'].map((runId) => ({ ...removal, runId, problem }));
    expect((await next.reconcile()).actions).toMatchObject(both('not now'));
    remove.mockRestore();
    expect((await next.reconcile()).actions).toMatchObject(both(null));
    expect(engine.leftovers()).toEqual([]);
    await next.close();
    await another.close();
  });

  it('is left to a run that has the same id since', async () => {
    const setup = await setUp({ run: (job) => job.sleepUntilKilled() });
    const { engine, root, secretsRoot } = setup;
    const remove = vi.spyOn(engine.containers, 'remove').mockRejectedValue(new Error('not now'));
    await setup.runtime.runJob(JOB, { runId: 'left', timeoutMs: 200 });
    await setup.runtime.close();
    remove.mockRestore();
    const [name = ''] = engine.leftovers();
    await engine.containers.remove((await engine.containers.inspect(name))?.id ?? '');
    expect(engine.leftovers()).toEqual([]);
    const [first, second] = [1, 2].map(() =>
      createRuntime({ workspaceRoot: root, secretsRoot, instanceId: INSTANCE }, { engine }),
    );
    void first?.startJob(JOB, { runId: 'left' });
    await vi.waitFor(() => expect(engine.leftovers()).toHaveLength(1), { timeout: 20_000 });
    expect((await second?.reconcile())?.actions).toEqual([]);
    expect(engine.leftovers()).toHaveLength(1);
    await first?.close();
    await second?.close();
  });
});
