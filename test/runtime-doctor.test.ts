/** A runtime's doctor on the fake engine: what it says, what follows from it, and that nothing is left whatever breaks. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createRuntime,
  EngineError,
  type Runtime,
  type RuntimeConfigInput,
  type RuntimePorts,
} from 'berthkit';
import type { ContainerEngine } from 'berthkit/engine';
import { fakeEngine, type FakeEngine, type FakeEngineScript, type FakeExit } from 'berthkit/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { ENFORCED_LIMITS } from '../src/base/enforced-limits.js';
import { answering, boundsWith, ENFORCED } from './doctor/doctor-jobs.js';

interface Setup {
  readonly runtime: Runtime;
  readonly engine: FakeEngine;
  readonly root: string;
  created(): readonly string[];
}

const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

/** Folders are mounted, whatever an engine sees of them. */
const BIND: RuntimeConfigInput = { workspace: { transport: 'bind' } };

/** When the test is over, nothing may be left on the engine or the disk. */
async function setUp(
  script: FakeEngineScript = {},
  config: RuntimeConfigInput = {},
  ports: RuntimePorts = {},
): Promise<Setup> {
  const folder = await mkdtemp(join(tmpdir(), 'berthkit-doctor-'));
  const root = join(folder, 'root');
  const engine = fakeEngine({ images: { 'busybox:1': {} }, run: answering(), ...script });
  const runtime = createRuntime(
    { workspaceRoot: root, policy: { images: { allow: ['busybox:*'] } }, ...config },
    { engine, ...ports },
  );
  endings.push(async () => {
    await runtime.close();
    try {
      expect(engine.leftovers()).toEqual([]);
      expect(engine.protocolErrors).toEqual([]);
      expect(await readdir(root).catch(() => [])).toEqual([]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
  const created = (): readonly string[] =>
    engine.calls.flatMap(({ call, target }) =>
      call === 'containers.create' && target !== null ? [target] : [],
    );
  return { runtime, engine, root, created };
}

const JOB = { slug: 'job', docker: { image: 'busybox:1', command: ['true'] } };
const states = async (runtime: Runtime, image?: string): Promise<Readonly<Record<string, string>>> =>
  Object.fromEntries((await runtime.doctor({ image })).limits.map(({ limit, state }) => [limit, state]));
const all = (state: string): Readonly<Record<string, string>> =>
  Object.fromEntries(ENFORCED_LIMITS.map((limit) => [limit, state]));

describe('doctor', () => {
  it('says that all is well where it is, with the proof of each limit', async () => {
    const { runtime, engine, created } = await setUp();
    const report = await runtime.doctor();
    expect(report).toMatchObject({
      schemaVersion: 1,
      healthy: true,
      engine: { name: 'fake' },
      image: { reference: expect.stringContaining('busybox') as string },
      leftovers: [],
    });
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    for (const { state, remedy, evidence } of report.limits) {
      expect([state, remedy]).toEqual(['enforced', null]);
      expect(evidence).toMatch(/\S \S/);
    }
    expect(report.limits.map(({ limit }) => limit)).toEqual(ENFORCED_LIMITS);
    const found = Object.fromEntries(report.checks.map(({ check, status }) => [check, status]));
    expect(found).toMatchObject({
      engine: 'ok',
      transport: 'ok',
      images: 'ok',
      disk: 'ok',
      clock: 'not_checked',
    });
    expect(created()).toHaveLength(5);
    expect(engine.leftovers()).toEqual([]);
    expect(runtime.stats()).toMatchObject({ running: 0 });
  });

  it('measures clock and networks by what the engine says now', async () => {
    const at = Date.parse('2026-01-02T03:04:05.000Z');
    const clock = { now: () => at, monotonic: () => performance.now() };
    const script: FakeEngineScript = {
      system: {
        cgroupVersion: '2',
        storageDriver: 'overlay2',
        securityOptions: ['name=seccomp,profile=builtin'],
        time: '2026-01-02T03:04:15.000Z',
        addressPools: [{ base: '10.0.0.0/24', size: 26 }],
      },
      networks: [{ name: 'used', subnets: ['10.0.0.64/26'] }],
    };
    const { runtime } = await setUp(script, {}, { clock });
    const { at: told, measured, checks, healthy } = await runtime.doctor();
    expect(told).toBe('2026-01-02T03:04:05.000Z');
    expect(measured).toMatchObject({ clockSkewMs: 10_000, freeNetworks: 3 });
    expect(measured.freeBytes).toBeGreaterThan(0);
    expect(measured.engineFreeBytes).toBe(1_073_741_824);
    const found = Object.fromEntries(checks.map(({ check, status }) => [check, status]));
    expect(found).toMatchObject({ clock: 'warning', address_pools: 'warning', control_groups: 'ok' });
    expect(healthy).toBe(true);
  });

  it('changes nothing before it is asked, and then readiness tells of it', async () => {
    const { runtime, created } = await setUp();
    expect((await runtime.readiness()).details.doctor).toBeNull();
    expect(created()).toEqual([]);
    const report = await runtime.doctor();
    expect((await runtime.readiness()).details.doctor).toEqual({
      at: report.at,
      healthy: true,
      failed: [],
      warnings: [],
      notEnforced: [],
      notChecked: [],
    });
  });

  it('names the one limit that is not enforced, and runs that were promised it are refused until it is accepted', async () => {
    const run = answering({ ...ENFORCED, memory: ['began now\nsurvived all\n', { exitCode: 0 }] });
    const { runtime, created } = await setUp({ run });
    expect(await runtime.runJob(JOB)).toMatchObject({ status: 'succeeded' });
    const report = await runtime.doctor();
    expect(report.healthy).toBe(false);
    expect(report.limits.filter(({ state }) => state !== 'enforced')).toMatchObject([
      {
        limit: 'memory',
        state: 'not_enforced',
        accepted: false,
        remedy: expect.stringContaining('swap') as string,
      },
    ]);
    const before = created().length;
    await expect(runtime.runJob(JOB)).rejects.toMatchObject({
      code: 'policy.unenforceable',
      kind: 'policy',
      details: { limits: ['memory'] },
    });
    expect(created()).toHaveLength(before);
    expect(await runtime.readiness()).toMatchObject({
      ready: false,
      reason: 'policy demands what the engine does not enforce: memory',
      details: { doctor: { healthy: false, notEnforced: ['memory'] } },
    });
    runtime.updatePolicy({ security: { acceptUnenforced: ['memory'] } });
    expect(await runtime.runJob(JOB)).toMatchObject({ status: 'succeeded' });
    expect(await runtime.readiness()).toMatchObject({ ready: true });
    expect(await runtime.doctor()).toMatchObject({ healthy: true });
  });

  it('is not ready where every default run is refused for its tmpfs', async () => {
    const run = answering({ ...ENFORCED, bounds: [boundsWith({ tmpfs_size: '64' }), { exitCode: 0 }] });
    const { runtime } = await setUp({ run });
    await runtime.doctor();
    await expect(runtime.runJob(JOB)).rejects.toMatchObject({ details: { limits: ['tmpfs_size'] } });
    expect(await runtime.readiness()).toMatchObject({
      ready: false,
      reason: 'policy demands what the engine does not enforce: tmpfs_size',
    });
  });

  it('refuses only runs that were promised the limit', async () => {
    const run = answering({ ...ENFORCED, bounds: [boundsWith({ routes: '2' }), { exitCode: 0 }] });
    const { runtime } = await setUp(
      { run },
      {
        policy: {
          network: { enforceIsolation: false, allowOverride: true },
          images: { allow: ['busybox:*'] },
        },
      },
    );
    await runtime.doctor();
    await expect(runtime.runJob(JOB)).rejects.toMatchObject({ details: { limits: ['network_none'] } });
    const bridged = { ...JOB, docker: { ...JOB.docker, networkMode: 'bridge' as const } };
    expect(await runtime.runJob(bridged)).toMatchObject({ status: 'succeeded' });
    expect(await runtime.readiness()).toMatchObject({ ready: true });
  });

  it('lets nothing run before limits were seen enforced, where policy demands that', async () => {
    const policy = { images: { allow: ['busybox:*'] }, security: { requireEnforcement: true } };
    const { runtime, created } = await setUp({}, { policy });
    await expect(runtime.runJob(JOB)).rejects.toMatchObject({ code: 'policy.unenforceable' });
    expect(await runtime.readiness()).toMatchObject({
      ready: false,
      reason: expect.stringContaining('requireEnforcement') as string,
    });
    await runtime.doctor({ image: 'absent:1' });
    await expect(runtime.runJob(JOB)).rejects.toMatchObject({ code: 'policy.unenforceable' });
    expect(created()).toEqual([]);
    await runtime.doctor();
    expect(await runtime.runJob(JOB)).toMatchObject({ status: 'succeeded' });
    expect(await runtime.readiness()).toMatchObject({ ready: true });
  });

  it('believes the next examination, not the one before', async () => {
    const answers = { ...ENFORCED };
    const { runtime } = await setUp({ run: async (job) => answering(answers)(job) });
    Object.assign(answers, { cpu: ['free 101\n', { exitCode: 0 }] });
    expect(await states(runtime)).toEqual({ ...all('enforced'), cpu: 'not_enforced' });
    await expect(runtime.runJob(JOB)).rejects.toMatchObject({ code: 'policy.unenforceable' });
    Object.assign(answers, { cpu: ENFORCED['cpu'] });
    expect(await states(runtime)).toEqual(all('enforced'));
    expect(await runtime.runJob(JOB)).toMatchObject({ status: 'succeeded' });
  });

  it.each([
    [
      'policy allows none that is there',
      { policy: { images: { allow: ['other:*'] } } },
      undefined,
      /no image/,
    ],
    ['the one asked for is not there', {}, 'absent:1', /absent:1 is not there/],
    [
      'policy denies all that are there',
      { policy: { images: { deny: ['busybox'] } } },
      undefined,
      /no image/,
    ],
  ])('checks no limit where %s, and says so', async (_, config, image, why) => {
    const { runtime, created } = await setUp({}, config);
    const report = await runtime.doctor({ image });
    expect(report).toMatchObject({ healthy: false, image: null });
    for (const { state, evidence, remedy } of report.limits) {
      expect(state).toBe('not_checked');
      expect(evidence).toMatch(why);
      expect(remedy).not.toBeNull();
    }
    expect(report.checks.find(({ check }) => check === 'transport')).toMatchObject({ status: 'not_checked' });
    expect(created()).toEqual([]);
    // What was not seen refuses nothing.
    expect((await runtime.readiness()).details.doctor).toMatchObject({ notEnforced: [], healthy: false });
  });

  const TWO = { 'busybox:bare': { sizeBytes: 1 }, 'busybox:1': { sizeBytes: 2 } };

  it('takes the next image where the engine finds no shell in one', async () => {
    const error = new EngineError('engine.failed', 'no sh', { details: { exitCode: 127 } });
    const { runtime } = await setUp({
      images: TWO,
      fail: [{ call: 'containers.start', error, times: 1 }],
    });
    const report = await runtime.doctor();
    expect(report).toMatchObject({ healthy: true });
    expect(report.image?.reference).toContain('busybox:1');
  });

  it.each([
    ['an init process finds no shell in one', 127],
    ['what is called sh is none', 1],
  ])('takes the next image where %s', async (_, exitCode) => {
    let isFirst = true;
    const { runtime } = await setUp({
      images: TWO,
      run: async (job) => {
        if (!isFirst) return answering()(job);
        isFirst = false;
        return { exitCode };
      },
    });
    const report = await runtime.doctor();
    expect(report).toMatchObject({ healthy: true });
    expect(report.image?.reference).toContain('busybox:1');
  });

  it('makes no container of an image the operator does not verify', async () => {
    const verifyImage = async () => Promise.resolve({ ok: false, reason: 'not signed' } as const);
    const { runtime, created } = await setUp({}, {}, { verifyImage });
    expect((await runtime.doctor()).limits[0]).toMatchObject({
      state: 'not_checked',
      evidence: expect.stringContaining('not signed') as string,
    });
    expect(created()).toEqual([]);
  });

  const NEEDS = 'run doctor again with an image that has sh and sleep';

  it.each<[string, FakeExit, RegExp]>([
    ['cannot be started', { exitCode: 127 }, /busybox:1: the image has no sh that can be started$/],
    ['ends without a word', { exitCode: 1 }, /busybox:1: the image has no sh that works: .*ended with 1$/],
    ['does nothing', { exitCode: 0 }, /busybox:1: the image has no sh that works: .*ended with 0$/],
  ])('lays it to the image, not to the transport, where its sh %s', async (_, exit, problem) => {
    const { runtime } = await setUp({ run: async () => Promise.resolve(exit) }, BIND);
    const report = await runtime.doctor();
    expect(report).toMatchObject({ healthy: false, image: null });
    const message = expect.stringMatching(problem) as string;
    for (const limit of report.limits) {
      expect(limit).toMatchObject({ state: 'not_checked', evidence: message, remedy: NEEDS });
    }
    const transport = report.checks.find(({ check }) => check === 'transport');
    expect(transport).toMatchObject({ status: 'not_checked', message, remedy: NEEDS });
  });

  it('lays it to the image where only the user of jobs cannot start its sh', async () => {
    const run = answering();
    const { runtime } = await setUp(
      {
        run: async (job) =>
          job.spec.labels['berthkit.job'] === 'doctor-transport' ? { exitCode: 126 } : run(job),
      },
      BIND,
    );
    const report = await runtime.doctor();
    expect(report.checks.find(({ check }) => check === 'transport')).toMatchObject({
      status: 'not_checked',
      message: 'the image has no sh that can be started',
      remedy: NEEDS,
    });
  });

  it('says where a container does not see this host', async () => {
    const run = answering();
    const { runtime } = await setUp(
      {
        run: async (job) => {
          if (job.spec.labels['berthkit.job'] !== 'doctor-transport') return run(job);
          await job.stdout('marker 0123456789abcdef0123456789abcdef\n');
          return { exitCode: 0 };
        },
      },
      BIND,
    );
    const report = await runtime.doctor();
    expect(report.healthy).toBe(false);
    expect(report.checks.find(({ check }) => check === 'transport')).toMatchObject({ status: 'failed' });
    expect(report.limits.every(({ state }) => state === 'enforced')).toBe(true);
  });

  it.each([
    ['bind', 'failed', /^bind: the container did not see/],
    ['auto', 'ok', /^bind: the container did not see.*; volume: a marker copied/],
    ['volume', 'ok', /^volume: a marker copied/],
  ] as const)('proves what %s would use where only volumes reach the engine: %s', async (...row) => {
    const [transport, status, message] = row;
    const run = answering();
    const config = { workspace: { transport }, policy: { images: { allow: ['busybox:*'] } } };
    const { runtime } = await setUp(
      {
        run: async (job) => {
          const isBound = job.spec.mounts.some(({ type }) => type === 'bind');
          return isBound ? { exitCode: 0 } : run(job);
        },
      },
      config,
    );
    const { checks, leftovers } = await runtime.doctor();
    const found = checks.find(({ check }) => check === 'transport');
    expect(found).toMatchObject({ status, message: expect.stringMatching(message) as string });
    expect(leftovers).toEqual([]);
  });

  it.each<[string, FakeEngineScript, number | null, string, RegExp]>([
    [
      'refuses the look',
      { fail: [{ call: 'volumes.usedBytes' }] },
      1,
      'warning',
      /not told.*: the script fails/,
    ],
    ['has no such look', { volumeBytes: false }, 1, 'warning', /not told.*: this kind of engine cannot$/],
    ['is busy for once', { fail: [{ call: 'volumes.usedBytes', times: 1 }] }, 1, 'ok', /mounted$/],
    ['is not asked as nothing bounds them', { volumeBytes: false }, null, 'ok', /mounted$/],
  ])('says of volumes that the engine %s', async (_, script, maxBytes, status, message) => {
    const workspace = { transport: 'volume', maxBytes } as const;
    const { runtime } = await setUp(script, { workspace });
    const { checks, healthy } = await runtime.doctor({ image: 'busybox:1' });
    const found = checks.find(({ check }) => check === 'transport');
    expect(found).toMatchObject({ status, message: expect.stringMatching(message) as string });
    expect(healthy).toBe(true);
  });

  it.each(['volumes.create', 'containers.copyIn', 'containers.create', 'containers.start'] as const)(
    'believes in no volume when %s fails for it, and leaves nothing',
    async (call) => {
      const skip = { 'containers.create': 4, 'containers.start': 4 };
      const fail = [{ call, skip: call in skip ? skip[call as keyof typeof skip] : 0 }];
      const { runtime } = await setUp({ fail }, { workspace: { transport: 'volume' } });
      const { checks, healthy } = await runtime.doctor({ image: 'busybox:1' });
      expect(healthy).toBe(false);
      expect(checks.find(({ check }) => check === 'transport')).toMatchObject({ status: 'failed' });
    },
  );

  it('tells of both ways where a folder is not seen and no volume can be made', async () => {
    const error = new EngineError('engine.failed', 'no space left');
    const { runtime } = await setUp({ seesFiles: false, fail: [{ call: 'volumes.create', error }] });
    const { checks } = await runtime.doctor({ image: 'busybox:1' });
    expect(checks.find(({ check }) => check === 'transport')).toMatchObject({
      status: 'failed',
      message: expect.stringMatching(/^bind: .+; volume: no space left$/) as string,
      remedy: expect.stringContaining('one that sees workspaceRoot') as string,
    });
  });

  it('tells that an engine cannot take files where they have to be in volumes', async () => {
    const fake = fakeEngine({ images: { 'busybox:1': {} }, run: answering() });
    const engine: ContainerEngine = {
      ...fake,
      info: async (options) => ({ ...(await fake.info(options)), gaps: ['copies'] }),
    };
    const { runtime } = await setUp({}, { workspace: { transport: 'volume' } }, { engine });
    const { checks } = await runtime.doctor({ image: 'busybox:1' });
    expect(checks.find(({ check }) => check === 'transport')).toMatchObject({
      status: 'failed',
      message: 'volume: the engine does not copy files into volumes as they are',
    });
  });

  it('tells that an engine has no number for a volume', async () => {
    const fake = fakeEngine({ images: { 'busybox:1': {} }, run: answering() });
    const usedBytes = async () => Promise.resolve(new Map<string, number>());
    const engine = { ...fake, volumes: { ...fake.volumes!, usedBytes } };
    const { runtime } = await setUp({}, { workspace: { transport: 'volume' } }, { engine });
    const { checks } = await runtime.doctor({ image: 'busybox:1' });
    expect(checks.find(({ check }) => check === 'transport')).toMatchObject({
      status: 'warning',
      message: expect.stringContaining('it has no number for one that was just made') as string,
    });
  });

  it('is not healthy where the engine uses another runtime than the one policy names', async () => {
    const policy = { images: { allow: ['busybox:*'] }, security: { runtime: 'runsc' } };
    const runtimes = ['runc', 'runsc'];
    const named = await setUp({ runtimes, gaps: ['runtimes'] }, { policy });
    const report = await named.runtime.doctor();
    expect(report.healthy).toBe(false);
    expect(report.checks.find(({ check }) => check === 'runtimes')).toMatchObject({
      status: 'failed',
      message: expect.stringContaining('every run is refused') as string,
    });
    const silent = await setUp({ runtimes, applied: () => ({ runtime: 'oci' }) }, { policy });
    for (const { state, evidence } of (await silent.runtime.doctor()).limits) {
      expect([state, evidence]).toEqual(['not_checked', expect.stringMatching(/ran in "oci", not in/)]);
    }
  });

  it('tries processes with more of them where a runtime needs those for itself, and has a remedy for each cause', async () => {
    const quiet = answering({
      ...ENFORCED,
      bounds: [boundsWith({ no_new_privileges: 'missing' }), { exitCode: 0 }],
      cpu: ['missing cpu.stat\n', { exitCode: 0 }],
      memory: ['', { exitCode: 2 }],
    });
    const run: FakeEngineScript['run'] = async (job) =>
      job.spec.resources.pidsLimit < 64 ? { exitCode: 2 } : quiet(job);
    const { runtime, created } = await setUp({ run });
    const { limits, healthy } = await runtime.doctor();
    const of = Object.fromEntries(limits.map((limit) => [limit.limit, limit]));
    expect(created()).toHaveLength(6);
    expect(of['pids']).toMatchObject({ state: 'enforced' });
    const hidden = { state: 'not_checked', remedy: expect.stringMatching(/acceptUnenforced/) as string };
    expect(of).toMatchObject({ cpu: hidden, no_new_privileges: hidden });
    expect(of['memory']).toMatchObject({
      state: 'not_checked',
      remedy: expect.stringMatching(/what kept its container from running/) as string,
    });
    expect(healthy).toBe(false);
  });

  it.each<[string, readonly FakeExit[], 'enforced' | 'not_checked', number]>([
    [
      'the engine tells the second time',
      [{ exitCode: 137 }, { exitCode: 137, oomKilled: true }],
      'enforced',
      6,
    ],
    ['the same ends well with more', [{ exitCode: 137 }, { exitCode: 137 }, { exitCode: 0 }], 'enforced', 7],
    [
      'it is killed with more, too',
      [{ exitCode: 137 }, { exitCode: 137 }, { exitCode: 137 }],
      'not_checked',
      7,
    ],
    ['it ends by itself the second time', [{ exitCode: 137 }, { exitCode: 1 }], 'not_checked', 6],
  ])(
    'tries memory again where nobody says why a process was killed: %s',
    async (_, exits, state, containers) => {
      const left = [...exits];
      const quiet = answering();
      const run: FakeEngineScript['run'] = async (job) => {
        if (job.spec.labels['berthkit.job'] !== 'doctor-memory') return quiet(job);
        const exit = left.shift() ?? { exitCode: 70 };
        await job.stdout(exit.exitCode === 0 ? 'began now\nsurvived all\n' : 'began now\n');
        return exit;
      };
      const { runtime, created } = await setUp({ run });
      const { limits } = await runtime.doctor();
      expect(limits.find(({ limit }) => limit === 'memory')).toMatchObject({ state });
      expect(left).toEqual([]);
      expect(created()).toHaveLength(containers);
    },
  );

  it('waits for a place within the budget, and does not wait on a paused runtime', async () => {
    const { runtime, created } = await setUp({ memoryBytes: 1024 ** 2 });
    expect((await runtime.doctor()).limits[0]).toMatchObject({
      state: 'not_checked',
      evidence: expect.stringContaining('budget.memoryBytes') as string,
    });
    runtime.pause();
    expect((await runtime.doctor()).limits[0]).toMatchObject({
      state: 'not_checked',
      evidence: expect.stringContaining('paused') as string,
    });
    expect(created()).toEqual([]);
  });

  it('examines once for all who ask for the same', async () => {
    const { runtime, created } = await setUp();
    const [one, other] = await Promise.all([runtime.doctor(), runtime.doctor()]);
    expect(other).toBe(one);
    expect(created()).toHaveLength(5);
    await Promise.all([runtime.doctor(), runtime.doctor({ image: 'busybox:1' })]);
    expect(created()).toHaveLength(15);
  });

  it('works on a disabled runtime, not on a closed one, and refuses an image that is no text', async () => {
    const { runtime } = await setUp({}, { enabled: false });
    expect(await runtime.doctor()).toMatchObject({ healthy: true });
    await expect(runtime.doctor({ image: ' ' })).rejects.toMatchObject({ code: 'validation.invalid_job' });
    await runtime.close();
    await expect(runtime.doctor()).rejects.toMatchObject({ code: 'runtime.closed' });
  });
});

describe('doctor, whatever breaks,', () => {
  it('reports an engine that cannot be reached', async () => {
    const { runtime, engine } = await setUp();
    engine.goAway();
    const report = await runtime.doctor();
    expect(report).toMatchObject({ healthy: false, engine: null, image: null });
    expect(report.checks.find(({ check }) => check === 'engine')).toMatchObject({
      status: 'failed',
      message: 'the fake engine is away',
    });
    engine.comeBack();
    expect(await runtime.doctor()).toMatchObject({ healthy: true });
  });

  it.each([
    'images.list',
    'images.inspect',
    'containers.create',
    'containers.attach',
    'containers.start',
  ] as const)('says nothing is enforced when each %s fails, and leaves nothing', async (call) => {
    const { runtime } = await setUp({ fail: [{ call }] });
    const found = Object.values(await states(runtime));
    expect(found).not.toContain('enforced');
    expect(found).not.toContain('not_enforced');
  });

  it.each([0, 1, 2, 3, 4])('loses one container and no more when create %d fails', async (skip) => {
    const fail = [{ call: 'containers.create', skip, times: 1, when: 'after' }] as const;
    const { runtime } = await setUp({ fail }, BIND);
    const report = await runtime.doctor();
    expect(report.healthy).toBe(false);
    expect(report.limits.map(({ state }) => state)).not.toContain('not_enforced');
  });

  it('tells what it could not remove, and leaves it to reconciliation', async () => {
    const { runtime, engine } = await setUp({ fail: [{ call: 'containers.remove', times: 1 }] });
    const report = await runtime.doctor();
    expect(report.leftovers).toEqual([expect.stringMatching(/^container berthkit-doctor-bounds-/)]);
    expect(engine.leftovers()).toHaveLength(1);
    expect(await runtime.openRuns()).toEqual([]);
    await runtime.reconcile();
    expect(engine.leftovers()).toEqual([]);
  });

  it('ends with the runtime, and removes what it made', async () => {
    let began: () => void = () => undefined;
    const running = new Promise<void>((resolve) => (began = resolve));
    const { runtime, engine } = await setUp({
      run: async (job) => {
        began();
        return job.sleepUntilKilled();
      },
    });
    const examination = runtime.doctor();
    await running;
    await runtime.close();
    expect(engine.leftovers()).toEqual([]);
    const report = await examination;
    expect(report.healthy).toBe(false);
    expect(report.limits.every(({ state }) => state === 'not_checked')).toBe(true);
  });
});
