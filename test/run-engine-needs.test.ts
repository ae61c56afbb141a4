/** Runs that need what an engine does not have: refused before anything is created, and explained where the engine is known. */
import type { JobDefinition, JobRuntimeError, RuntimeConfigInput } from 'berthkit';
import { fakeEngine, type FakeEngineScript } from 'berthkit/testing';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../src/config/parse.js';
import type { EngineGap } from '../src/engine/types.js';
import { explainJob } from '../src/plan/explain.js';
import { settle, setUp } from './run-fixture.js';

const GPU: RuntimeConfigInput = { policy: { gpu: { enabled: true } } };
const job = (docker: Partial<JobDefinition['docker']> = {}): JobDefinition => ({
  docker: { image: 'busybox:1', ...docker },
});
const CREATING = ['images.inspect', 'images.pull', 'containers.create', 'volumes.create'];

async function run(definition: JobDefinition, script: FakeEngineScript, config: RuntimeConfigInput) {
  const setup = setUp({ run: () => undefined, ...script }, {}, config);
  const outcome = await settle(setup, {}, definition);
  const calls: readonly string[] = setup.engine.calls.map(({ call }) => call);
  return { outcome, isBegun: CREATING.some((call) => calls.includes(call)), calls };
}

describe('a job that wants a GPU', () => {
  it.each<[string, Partial<JobDefinition['docker']>]>([
    ['docker.requiresGpu', { requiresGpu: true }],
    ['docker.resources.gpu', { resources: { gpu: { count: 1 } } }],
    ['docker.resources.gpu', { resources: { gpu: { ids: ['0'] } } }],
  ])('by %s is refused where the engine shows none, before anything is created', async (field, docker) => {
    const { outcome, isBegun } = await run(job(docker), { showsGpu: false }, GPU);
    expect(outcome).toMatchObject({ code: 'engine.gpu_unavailable', retryable: false, details: { field } });
    expect((outcome as JobRuntimeError).message).toMatch(new RegExp(`^${field}: .*no sign of a GPU`));
    expect((outcome as JobRuntimeError).hint).toMatch(/toolkit.*policy\.gpu\.preflight/);
    expect(isBegun).toBe(false);
  });

  it.each<[string, RuntimeConfigInput]>([
    ['by default', GPU],
    ['without the preflight', { policy: { gpu: { enabled: true, preflight: false } } }],
  ])(
    'is refused where the engine takes the request and gives none, and told of it: %s',
    async (_, config) => {
      const script: FakeEngineScript = { showsGpu: true, gaps: ['gpus'] };
      const { outcome, isBegun } = await run(job({ requiresGpu: true }), script, config);
      expect(outcome).toMatchObject({
        code: 'engine.gpu_unavailable',
        retryable: false,
        hint: expect.stringContaining('use Docker') as string,
        details: { field: 'docker.requiresGpu' },
      });
      expect(isBegun).toBe(false);
      const setup = setUp({ ...script, run: () => undefined }, {}, config);
      await setup.runtime.readiness();
      expect(setup.runtime.explain(job({ requiresGpu: true })).pending).toContainEqual(
        expect.stringMatching(/^refused by this engine \(engine\.gpu_unavailable\): .*gives none$/),
      );
      await setup.runtime.close();
    },
  );

  it('is refused by an engine that says it can give none, also without the preflight', async () => {
    const engine = fakeEngine({ images: { 'busybox:1': {} }, run: () => undefined });
    const without = { ...engine, capabilities: { ...engine.capabilities, gpu: false } };
    const config = { policy: { gpu: { enabled: true, preflight: false } } };
    const setup = { ...setUp({}, { engine: without }, config), engine };
    expect(await settle(setup, {}, job({ requiresGpu: true }))).toMatchObject({
      code: 'engine.gpu_unavailable',
    });
    expect(engine.calls.map(({ call }) => call)).not.toContain('containers.create');
  });

  it.each<[string, FakeEngineScript, RuntimeConfigInput]>([
    ['the engine shows one', { showsGpu: true }, GPU],
    [
      'the operator wants it tried',
      { showsGpu: false },
      { policy: { gpu: { enabled: true, preflight: false } } },
    ],
  ])('runs where %s', async (_, script, config) => {
    let seen: unknown;
    const definition = job({ resources: { gpu: { ids: ['1', '0'], capabilities: ['video'] } } });
    const { outcome } = await run(
      definition,
      {
        ...script,
        run: ({ spec }) => {
          seen = spec.gpu;
        },
      },
      config,
    );
    expect(outcome).toMatchObject({ status: 'succeeded', decision: { gpu: true } });
    expect(seen).toEqual({ devices: ['1', '0'], capabilities: ['video'] });
  });

  it('is not started with another one than it was judged for', async () => {
    const definition = job({ resources: { gpu: { count: 1 } } });
    const applied = { gpu: { devices: 'all', capabilities: [] } } as const;
    const { outcome, calls } = await run(definition, { applied: () => applied }, GPU);
    expect(outcome).toMatchObject({ code: 'policy.violated' });
    expect(calls).not.toContain('containers.start');
  });

  it('is told of it by an explanation as soon as the engine is known', async () => {
    const setup = setUp({ showsGpu: false, run: () => undefined }, {}, GPU);
    const notes = (): readonly string[] =>
      setup.runtime
        .explain(job({ requiresGpu: true }))
        .pending.filter((note) => note.includes('gpu_unavailable'));
    expect(notes()).toEqual([expect.stringMatching(/^unless the engine shows a sign of a GPU/)]);
    await setup.runtime.readiness();
    expect(notes()).toEqual([
      expect.stringMatching(/^refused by this engine \(engine\.gpu_unavailable\): docker\.requiresGpu/),
    ]);
    expect(setup.runtime.explain(job()).pending.join()).not.toContain('gpu');
    await setup.runtime.close();
  });
});

describe('a job that runs in a runtime', () => {
  const RUNSC: RuntimeConfigInput = { policy: { security: { runtime: 'runsc', allowedRuntimes: ['kata'] } } };

  it.each<[string, Partial<JobDefinition['docker']>, string]>([
    ['policy.security.runtime', {}, 'runsc'],
    ['policy.security.runtime', { security: { runtime: 'runsc' } }, 'runsc'],
    ['docker.security.runtime', { security: { runtime: 'kata' } }, 'kata'],
  ])('by %s is refused where the engine has it not: case %#', async (field, docker, runtime) => {
    const { outcome, isBegun } = await run(job(docker), { runtimes: ['runc', 'crun'] }, RUNSC);
    expect(outcome).toMatchObject({
      code: 'engine.unsupported',
      details: { field },
      hint: expect.stringMatching(/runc, crun|crun, runc/) as string,
    });
    expect((outcome as JobRuntimeError).message).toContain(`no runtime "${runtime}"`);
    expect(isBegun).toBe(false);
  });

  it.each<[string, readonly string[], Partial<JobDefinition['docker']>]>([
    ['runsc', ['runc', 'runsc'], {}],
    ['kata', ['runc', 'kata'], { security: { runtime: 'kata' } }],
    ['kata', [], { security: { runtime: 'kata' } }],
  ])('has %s where the engine has %j', async (runtime, runtimes, docker) => {
    let seen: unknown;
    const script: FakeEngineScript = {
      runtimes,
      run: ({ spec }) => {
        seen = spec.runtime;
      },
    };
    expect((await run(job(docker), script, RUNSC)).outcome).toMatchObject({ status: 'succeeded' });
    expect(seen).toBe(runtime);
  });

  it.each(['runsc', 'io.containerd.kata.v2'])(
    'as %s is refused where the engine uses its own whatever is asked for, and told of it',
    async (runtime) => {
      const config = { policy: { security: { runtime } } };
      const script: FakeEngineScript = { runtimes: ['runc', 'runsc'], gaps: ['runtimes'] };
      const { outcome, isBegun } = await run(job(), script, config);
      expect(outcome).toMatchObject({
        code: 'engine.unsupported',
        retryable: false,
        hint: expect.stringContaining('default of the engine') as string,
        details: { field: 'policy.security.runtime' },
      });
      expect(isBegun).toBe(false);
      const setup = setUp({ ...script, run: () => undefined }, {}, config);
      await setup.runtime.readiness();
      expect(setup.runtime.explain(job()).pending).toContainEqual(
        expect.stringMatching(
          /^refused by this engine \(engine\.unsupported\): policy\.security\.runtime: .*its own/,
        ),
      );
      await setup.runtime.close();
    },
  );

  it('may have a shim no engine lists', async () => {
    const runtime = 'io.containerd.kata.v2';
    const config = { policy: { security: { runtime } } };
    expect((await run(job(), {}, config)).outcome).toMatchObject({ status: 'succeeded' });
  });

  it('is told of it by an explanation as soon as the engine is known', async () => {
    const setup = setUp({ run: () => undefined }, {}, RUNSC);
    const notes = (): readonly string[] =>
      setup.runtime.explain(job()).pending.filter((note) => note.includes('engine.unsupported'));
    expect(notes()).toEqual([expect.stringMatching(/^unless the engine has the runtime "runsc"/)]);
    await setup.runtime.readiness();
    expect(notes()).toEqual([expect.stringMatching(/^refused by this engine .*policy\.security\.runtime/)]);
    await setup.runtime.close();
  });
});

it('asks the engine nothing for a job that needs nothing', async () => {
  const { outcome, calls } = await run(job(), {}, { budget: { cpus: 1, memoryBytes: '1GiB' } });
  expect(outcome).toMatchObject({ status: 'succeeded' });
  expect(calls).not.toContain('info');
});

describe('a path that the engine would read as options', () => {
  const source = { type: 'inline', content: '1' } as const;
  const cases: readonly (readonly [string, Partial<JobDefinition['docker']>])[] = [
    [
      'docker.inputs.1',
      {
        inputs: [
          { source, workspacePath: 'a' },
          { source, workspacePath: 'b', mountPath: '/d,x' },
        ],
      },
    ],
    ['docker.inputs.0', { inputs: [{ source, workspacePath: 'a"' }] }],
    ['docker.configFile', { configFile: { filename: 'c,x.json', format: 'json' } }],
    ['docker.workspaceMountPath', { workspaceMountPath: '/w,x' }],
    ['docker.tmpfs', { tmpfs: [{ path: '/t:exec', sizeBytes: 4096 }] }],
  ];

  it.each(cases)(
    'in %s is refused before anything is created, and by no other engine',
    async (field, docker) => {
      const { outcome, isBegun } = await run(job(docker), { gaps: ['mountPaths'] }, {});
      expect(outcome).toMatchObject({ code: 'engine.unsupported', retryable: false, details: { field } });
      expect((outcome as JobRuntimeError).message).toMatch(new RegExp(`^${field}: .* as options$`));
      expect((outcome as JobRuntimeError).hint).toMatch(/without .*commas, double quotes and line breaks/);
      expect(isBegun).toBe(false);
      const other = await run(job(docker), { gaps: ['copies', 'startErrors', 'killSignals'] }, {});
      expect(other.outcome).toMatchObject({ status: 'succeeded' });
    },
  );

  it('is explained, also where no engine is known', () => {
    const definition = { docker: { image: 'busybox:1', workspaceMountPath: '/w,x' } };
    const pending = (gaps?: readonly EngineGap[]): readonly string[] =>
      explainJob(definition, parseConfig({}), {
        engine: gaps === undefined ? null : { runtimes: [], showsGpu: true, volumeSubpaths: true, gaps },
      }).pending.filter((note) => note.includes('docker.workspaceMountPath'));
    expect(pending(['mountPaths'])).toEqual([
      expect.stringMatching(/^refused by this engine \(engine\.unsupported\)/),
    ]);
    expect(pending([])).toEqual([]);
    expect(pending()).toEqual([
      expect.stringMatching(/^on Podman the run is refused \(engine\.unsupported\)/),
    ]);
  });
});
