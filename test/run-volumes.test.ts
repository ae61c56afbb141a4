/** Runs whose files are in volumes, on the fake engine: what the job sees, what comes out, what is refused, and that nothing is left whatever fails. */
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type ContainerEngine, EngineError, type JobDefinition, type RuntimeConfigInput } from 'berthkit';
import { type EngineCall, fakeEngine, type FakeEngineScript, type FakeJob } from 'berthkit/testing';
import { describe, expect, it, vi } from 'vitest';
import { DEFINITION, SECRET, settle, type Setup, setUp, testFolder } from './run-fixture.js';

const VOLUME: RuntimeConfigInput = { workspace: { transport: 'volume' } };
const inline = (content: string) => ({ type: 'inline', content }) as const;
const withVolumes = (script: FakeEngineScript = {}, config: RuntimeConfigInput = VOLUME): Setup =>
  setUp(script, {}, config);
const job = (docker: Partial<JobDefinition['docker']>): JobDefinition => ({
  ...DEFINITION,
  docker: { ...DEFINITION.docker, ...docker },
});
const textAt = async (seen: FakeJob, path: string): Promise<string> =>
  Buffer.from(await seen.readFile(path)).toString();
const codeOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error: unknown) => (error as { readonly code?: unknown }).code,
  );

describe('files in volumes', () => {
  it('are where they would be in a folder, inputs read-only, and outputs come out', async () => {
    const seen: Record<string, unknown> = {};
    const setup = withVolumes({
      run: async (it) => {
        seen['input'] = await textAt(it, '/workspace/a');
        seen['given'] = await textAt(it, '/workspace/sub/given');
        seen['config'] = await textAt(it, '/workspace/job.json');
        seen['written'] = await codeOf(it.writeFile('/workspace/a', 'other'));
        seen['mounts'] = it.spec.mounts.map(({ type, target, readOnly }) => [type, target, readOnly]);
        await it.writeFile('/workspace/out.txt', 'result');
        return { exitCode: 0 };
      },
    });
    const definition = job({ configFile: { filename: 'job.json' } });
    const options = { runId: 'r1', files: { 'sub/given': 'mine' } };
    const result = await settle(setup, options, definition);
    expect(result).toMatchObject({
      status: 'succeeded',
      warnings: [expect.stringMatching(/files and folders in it are counted only when/)],
    });
    expect(seen).toEqual({
      input: 'input',
      given: 'mine',
      config: expect.stringContaining('"r1"') as string,
      written: 'EROFS',
      mounts: [
        ['volume', '/workspace', false],
        ['volume', '/workspace/.inputs', true],
      ],
    });
    expect(Buffer.from(setup.out.files()['r1/out.txt'] ?? []).toString()).toBe('result');
  });

  it('come out without what was put in, links and all', async () => {
    const setup = withVolumes();
    const outputs = [{ workspacePath: '**', upload: { backendMountId: 'out', pathTemplate: 'o' } }];
    const result = await settle(setup, { runId: 'r1' }, job({ outputs }));
    expect(result).toMatchObject({
      status: 'succeeded',
      outputs: [{ files: [{ path: expect.stringMatching(/out\.txt$/) as string }], skipped: [] }],
    });
  });

  it('are also at a mountPath: a folder in a volume of its own, a file by a part of one', async () => {
    const seen: string[] = [];
    const setup = withVolumes({
      run: async (it) => {
        for (const path of ['/data/a', '/workspace/folder/a', '/srv/one', '/workspace/one'])
          seen.push(await textAt(it, path));
        seen.push(String(await codeOf(it.writeFile('/data/a', ''))));
        return { exitCode: 0 };
      },
    });
    const folder = { type: 'filestorePath', backendMountId: 'in', path: '/' } as const;
    const inputs = [
      { source: folder, workspacePath: 'folder', mountPath: '/data' },
      { source: inline('1'), workspacePath: 'one', mountPath: '/srv/one' },
    ];
    expect(await settle(setup, {}, job({ inputs, outputs: [] }))).toMatchObject({ status: 'succeeded' });
    expect(seen).toEqual(['input', 'input', '1', '1', 'EROFS']);
  });

  it('have room for what the image calls a volume in the workspace', async () => {
    const setup = withVolumes({
      images: { 'busybox:1': { volumes: ['/workspace/data', '/cache', '/workspace/a'] } },
      run: async (it) => {
        await it.writeFile('/workspace/data/x', await textAt(it, '/workspace/a'));
        return { exitCode: 0 };
      },
    });
    const outputs = [{ workspacePath: 'data', upload: { backendMountId: 'out', pathTemplate: 'd' } }];
    expect(await settle(setup, {}, job({ outputs }))).toMatchObject({
      status: 'succeeded',
      outputs: [{ type: 'directory', files: [{ sizeBytes: 5 }] }],
    });
  });

  it('are measured when the job has ended', async () => {
    const setup = withVolumes({}, { workspace: { transport: 'volume', maxBytes: 3, minFreeBytes: 0 } });
    expect(await settle(setup)).toMatchObject({
      status: 'failed',
      reason: 'disk_limit_exceeded',
      message: expect.stringContaining('workspace.maxBytes') as string,
    });
  });

  it('are watched while it runs: too much ends the job at once, without grace', async () => {
    const onTerm = vi.fn();
    const setup = withVolumes(
      {
        run: async (it) => {
          it.onSignal('SIGTERM', onTerm);
          await it.writeFile('/workspace/big', Buffer.alloc(1_000));
          return it.sleepUntilKilled();
        },
      },
      { workspace: { transport: 'volume', maxBytes: 999 } },
    );
    const message = 'the workspace holds more than 999 bytes (workspace.maxBytes)';
    expect(await settle(setup, {}, job({ inputs: [], outputs: [] }))).toMatchObject({
      status: 'failed',
      reason: 'disk_limit_exceeded',
      exitCode: 137,
      message: expect.stringContaining(message) as string,
      evidence: [
        { by: 'watcher', what: message },
        { by: 'watcher', what: 'SIGKILL was sent' },
        { by: 'watcher', what: 'exit code 137' },
      ],
    });
    expect(onTerm).not.toHaveBeenCalled();
  });

  it('are watched together with those that stand for volumes of the image', async () => {
    const setup = withVolumes(
      {
        images: { 'busybox:1': { volumes: ['/workspace/data'] } },
        run: async (it) => {
          await it.writeFile('/workspace/data/big', Buffer.alloc(1_000));
          return it.sleepUntilKilled();
        },
      },
      { workspace: { transport: 'volume', maxBytes: 999 } },
    );
    expect(await settle(setup, {}, job({ inputs: [], outputs: [] }))).toMatchObject({
      reason: 'disk_limit_exceeded',
      evidence: [{ by: 'watcher' }, {}, {}],
    });
  });

  it('are not watched where the engine does not tell, or nothing bounds them', async () => {
    for (const [script, maxBytes, warning] of [
      [{ volumeBytes: false }, 1_000, /what the job writes to it is measured only when/],
      [{}, null, /files and folders in it are counted only when/],
    ] as const) {
      const run = async (it: FakeJob): Promise<{ exitCode: number }> => {
        await it.writeFile('/workspace/out.txt', 'x');
        // Longer than it takes until the first look.
        await setTimeout(700);
        return { exitCode: 0 };
      };
      const setup = withVolumes({ run, ...script }, { workspace: { transport: 'volume', maxBytes } });
      expect(await settle(setup)).toMatchObject({
        status: 'succeeded',
        warnings: [expect.stringMatching(warning)],
      });
      expect(setup.engine.calls.filter(({ call }) => call === 'volumes.usedBytes')).toEqual([]);
    }
  });

  it('go on unwatched where looks fail, which is a warning, and are measured in the end', async () => {
    const setup = withVolumes(
      {
        fail: [{ call: 'volumes.usedBytes' }],
        run: async (it) => {
          await it.writeFile('/workspace/out.txt', Buffer.alloc(1_000));
          await vi.waitFor(
            () => {
              const looks = setup.engine.calls.filter(({ call }) => call === 'volumes.usedBytes');
              expect(looks.length).toBeGreaterThan(2);
            },
            { timeout: 60_000 },
          );
          return { exitCode: 0 };
        },
      },
      { workspace: { transport: 'volume', maxBytes: 999 } },
    );
    expect(await settle(setup, {}, job({ inputs: [], outputs: [] }))).toMatchObject({
      reason: 'disk_limit_exceeded',
      exitCode: 0,
      warnings: expect.arrayContaining([
        expect.stringContaining('was not watched while the job ran: the script fails'),
      ]) as string[],
    });
  });

  it('go with their run, whatever was to be kept', async () => {
    const setup = withVolumes();
    const retention = { container: 'always', workspace: 'always' } as const;
    expect(await settle(setup, { retention })).toMatchObject({
      status: 'succeeded',
      kept: null,
      warnings: expect.arrayContaining([expect.stringContaining('nothing is kept')]) as string[],
    });
  });

  it.each<[string, Partial<JobDefinition['docker']>, FakeEngineScript, RegExp, string]>([
    ['an engine without volumes', {}, { volumes: false }, /has no volumes/, 'workspace.transport'],
    [
      'an engine that does not copy files as they are',
      {},
      { gaps: ['copies'] },
      /^workspace\.transport: .*in volumes/,
      'workspace.transport',
    ],
    [
      'a single file outside of the workspace without subpaths',
      { inputs: [{ id: 'one', source: inline('1'), workspacePath: 'one', mountPath: '/srv/one' }] },
      { volumeSubpaths: false },
      /input "one".*"\/srv\/one"/,
      'docker.inputs.0',
    ],
    [
      'an input where the inputs are',
      { inputs: [{ source: inline('1'), workspacePath: '.inputs/one' }] },
      {},
      /input "\.inputs\/one"/,
      'docker.inputs.0',
    ],
    [
      'a mountPath where the inputs are',
      { inputs: [{ source: inline('1'), workspacePath: 'one', mountPath: '/workspace/.inputs/one' }] },
      {},
      /input "one"/,
      'docker.inputs.0',
    ],
    [
      'a secret in a file',
      { environment: [{ name: 'KEY', secret: { source: 'store', key: 'token' }, as: 'file' }] },
      {},
      /secret KEY.*file/,
      'docker.environment',
    ],
  ])('are refused for %s', async (_, docker, script, message, field) => {
    const outcome = await settle(withVolumes(script), {}, job(docker));
    expect(outcome).toMatchObject({
      code: 'engine.unsupported',
      message: expect.stringMatching(message) as string,
      hint: expect.any(String) as string,
      details: { field },
    });
  });

  it('take no file of the caller’s where the inputs are', async () => {
    const outcome = await settle(withVolumes(), { files: { '.inputs/x': '' } });
    expect(outcome).toMatchObject({ code: 'validation.invalid_job' });
  });

  it('have secrets among them where the operator allows a disk', async () => {
    const read: string[] = [];
    const setup = withVolumes(
      {
        run: async (it) => {
          read.push(await textAt(it, it.environment['KEY'] ?? ''));
          return { exitCode: 0 };
        },
      },
      {
        ...VOLUME,
        secretsRoot: join(testFolder(), 'secrets'),
        policy: { secrets: { allowDisk: true } },
      },
    );
    const environment = [{ name: 'KEY', secret: { source: 'store', key: 'token' }, as: 'file' }] as const;
    expect(await settle(setup, {}, job({ environment, outputs: [] }))).toMatchObject({ status: 'succeeded' });
    expect(read).toEqual([SECRET]);
  });
});

describe('what the engine does not let go of', () => {
  it('is told for what it is', async () => {
    const { runtime, events } = withVolumes({
      fail: [{ call: 'containers.remove', skip: 1, error: new EngineError('engine.conflict', 'busy') }],
    });
    await runtime.runJob(DEFINITION);
    await runtime.close();
    const told = events.filter((event) => event.type === 'cleanup_error').map(({ what }) => what);
    // The volumes are in use by the container that is left.
    expect(told).toEqual(['container', 'workspace']);
  });
});

describe('nothing is left when the engine fails at', () => {
  it.each<[EngineCall, 'before' | 'after', number]>([
    ['volumes.create', 'before', 0],
    ['volumes.create', 'after', 0],
    ['volumes.create', 'after', 1],
    ['containers.create', 'before', 0],
    ['containers.create', 'after', 0],
    ['containers.create', 'after', 1],
    ['containers.copyIn', 'before', 0],
    ['containers.copyIn', 'after', 0],
    ['containers.start', 'before', 0],
    ['containers.copyOut', 'before', 1],
    ['containers.lookAt', 'before', 0],
  ])('%s, %s it took effect, after %i others', async (call, when, skip) => {
    const outcome = await settle(withVolumes({ fail: [{ call, when, skip, times: 1 }] }));
    expect(outcome).toMatchObject({ code: 'engine.failed' });
  });

  it('a removal that is tried again', async () => {
    const error = new EngineError('engine.unreachable', 'away');
    const fail = [
      { call: 'volumes.remove', times: 1, error },
      { call: 'volumes.list', times: 1, error },
    ] as const;
    expect(await settle(withVolumes({ fail }))).toMatchObject({ status: 'succeeded' });
  });

  it('the measuring, which is a warning', async () => {
    const outcome = await settle(withVolumes({ fail: [{ call: 'containers.copyOut', times: 1 }] }));
    expect(outcome).toMatchObject({
      status: 'succeeded',
      warnings: expect.arrayContaining([expect.stringContaining('was not watched')]) as string[],
    });
  });

  it('nothing, when a run is stopped while its files go in', async () => {
    const setup = withVolumes({ fail: [{ call: 'containers.copyIn', hang: true }] });
    const stop = new AbortController();
    const outcome = settle(setup, { signal: stop.signal });
    await vi.waitFor(
      () => {
        expect(setup.engine.calls.some(({ call }) => call === 'containers.copyIn')).toBe(true);
      },
      { timeout: 60_000 },
    );
    stop.abort();
    expect(await outcome).toMatchObject({ status: 'cancelled' });
  });
});

it('leaves no volume that an engine makes only when its run was stopped already', async () => {
  const fake = fakeEngine();
  const stop = new AbortController();
  const { volumes: inner } = fake;
  if (inner === undefined) throw new Error('the fake has no volumes');
  const volumes: NonNullable<ContainerEngine['volumes']> = {
    ...inner,
    create: async (spec) => {
      stop.abort();
      // Long enough for a clean-up that does not wait for it.
      await setTimeout(100);
      await inner.create(spec);
    },
  };
  const setup = setUp({}, { engine: { ...fake, volumes } }, VOLUME);
  expect(await settle(setup, { signal: stop.signal })).toMatchObject({ status: 'cancelled' });
  expect(fake.calls.filter(({ call }) => call === 'volumes.create')).toHaveLength(1);
  expect(fake.leftovers()).toEqual([]);
});

it('mounts folders from where the engine’s host has them', async () => {
  const host = join(testFolder(), 'host');
  await symlink(join(testFolder(), 'root'), host);
  const sources: string[] = [];
  const setup = setUp(
    {
      run: async (it) => {
        sources.push(...it.spec.mounts.map(({ source }) => source));
        await it.writeFile('/workspace/out.txt', await it.readFile('/workspace/a'));
        return { exitCode: 0 };
      },
    },
    {},
    { hostWorkspaceRoot: host },
  );
  expect(await settle(setup, { runId: 'r1' })).toMatchObject({ status: 'succeeded' });
  expect(sources.every((source) => source.startsWith(`${host}/run-job-`))).toBe(true);
  expect(sources).toHaveLength(2);
  expect(Buffer.from(setup.out.files()['r1/out.txt'] ?? []).toString()).toBe('input');
});
