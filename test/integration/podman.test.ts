/** What only Podman does, on the engine that `npm run test:podman` provides. */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import Docker from 'dockerode';
import { type ContainerEngine, dockerEngine, type JobDefinition, type RuntimeConfigInput } from 'berthkit';
import type { MountSpec } from 'berthkit/engine';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { temporaryFolder, testRuntime } from './setup.js';
import { engineHost, testEngine } from './test-engine.js';

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

const inline = { type: 'inline', content: 'given' } as const;
const config: RuntimeConfigInput = { policy: { images: { allow: ['**'] } } };

async function outcomeOf(docker: Partial<JobDefinition['docker']>, more: RuntimeConfigInput = {}) {
  const runtime = await testRuntime({ ...config, ...more });
  return runtime.runJob({ docker: { image, command: ['true'], ...docker } }).catch((error: unknown) => error);
}

describe('a path of a job that Podman would read as options', () => {
  it.each<[string, Partial<JobDefinition['docker']>]>([
    ['docker.inputs.0', { inputs: [{ source: inline, workspacePath: 'a', mountPath: '/data/a,ro=false' }] }],
    ['docker.inputs.0', { inputs: [{ source: inline, workspacePath: 'a,ro=false' }] }],
    ['docker.inputs.0', { inputs: [{ source: inline, workspacePath: 'a', mountPath: '/data/a"' }] }],
    ['docker.workspaceMountPath', { workspaceMountPath: '/work,Z' }],
    ['docker.tmpfs', { tmpfs: [{ path: '/cache:exec', sizeBytes: 65_536 }] }],
  ])('in %s is refused before anything is made: %j', async (field, docker) => {
    expect(await outcomeOf(docker)).toMatchObject({
      code: 'engine.unsupported',
      retryable: false,
      message: expect.stringMatching(new RegExp(`^${field}: `)) as string,
      hint: expect.stringMatching(/without .*commas, double quotes and line breaks/) as string,
      details: { field },
    });
  });

  it('would have been, had it been passed on', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'in'));
    const docker = new Docker({ socketPath: engineHost.slice('unix://'.length) });
    const container = await docker.createContainer({
      Image: image,
      Cmd: ['true'],
      HostConfig: {
        NetworkMode: 'none',
        Mounts: [{ Type: 'bind', Source: join(folder, 'in'), Target: '/in,target=/other', ReadOnly: true }],
      },
    });
    try {
      const { Mounts: mounts } = await container.inspect();
      expect(mounts).toMatchObject([{ Destination: '/other' }]);
    } finally {
      await container.remove({ force: true });
    }
  });
});

describe('files of a run', () => {
  it('are not put into volumes, from which they would come out as other ones', async () => {
    expect(await outcomeOf({}, { workspace: { transport: 'volume' } })).toMatchObject({
      code: 'engine.unsupported',
      details: { field: 'workspace.transport' },
    });
  });

  it.each([
    ['bind', 'engine.failed'],
    ['auto', 'engine.unsupported'],
  ] as const)('are not replaced by an empty folder where it does not: %s, %s', async (transport, code) => {
    const folder = await temporaryFolder();
    const elsewhere = { hostWorkspaceRoot: join(folder, 'not', 'there'), workspace: { transport } };
    expect(await outcomeOf({ workingDirectory: '/workspace' }, elsewhere)).toMatchObject({
      code,
      hint: expect.stringMatching(/hostWorkspaceRoot/) as string,
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('of secrets are not left out where it does not see their folder', async () => {
    const folder = await temporaryFolder();
    const engine = testEngine();
    const { create } = engine.containers;
    const moved = (mount: MountSpec): MountSpec =>
      mount.source.startsWith('/dev/shm/') ? { ...mount, source: join(folder, mount.source) } : mount;
    const containers: ContainerEngine['containers'] = {
      ...engine.containers,
      create: async (spec, options) => create({ ...spec, mounts: spec.mounts.map(moved) }, options),
    };
    const runtime = await testRuntime(config, { engine: { ...engine, containers } });
    const environment = { TOKEN: { secret: { source: 'store', key: 'token' }, as: 'file' } } as const;
    const running = runtime.runJob(
      { docker: { image, command: ['true'], environment } },
      { secrets: { token: 'abcdefgh1234' } },
    );
    await expect(running).rejects.toMatchObject({
      code: 'engine.failed',
      hint: expect.stringMatching(/secretsRoot/) as string,
    });
    expect(await readdir(folder)).toEqual([]);
    await runtime.close();
    await engine.close();
  });

  it('are mounted where Podman sees the folder', async () => {
    const docker = {
      command: ['sh', '-c', 'cat /workspace/a; echo > /run/x || echo > /var/tmp/x || echo refused'],
      inputs: [{ source: inline, workspacePath: 'a' }],
    };
    const result = await outcomeOf(docker, { workspace: { transport: 'auto' } });
    expect(result).toMatchObject({ status: 'succeeded', stdout: { text: 'givenrefused\n' } });
  });
});

it('blames nobody for a job that ran out of memory, which it does not tell', async () => {
  const script = 'x=0123456789abcdef; while :; do x=$x$x; done';
  const docker = { command: ['sh', '-c', script], resources: { memoryBytes: 33_554_432 } };
  expect(await outcomeOf(docker)).toMatchObject({
    ...{ status: 'failed', reason: 'signaled', exitCode: 137, oomKilled: null },
    evidence: [
      { by: 'job', what: expect.stringContaining('cannot tell whether for lack of memory') as string },
    ],
  });
});

it.each(['runsc', 'runc'])('is not asked for a runtime, which it would not use: %s', async (name) => {
  const security = { runtime: name };
  const policy = { images: { allow: ['**'] }, security };
  expect(await outcomeOf({}, { policy })).toMatchObject({
    code: 'engine.unsupported',
    details: { field: 'policy.security.runtime' },
  });
  const runtime = await testRuntime({ policy });
  const { healthy, checks, limits } = await runtime.doctor({ image });
  expect(healthy).toBe(false);
  expect(checks.find(({ check }) => check === 'runtimes')).toMatchObject({ status: 'failed' });
  expect(limits.map(({ state }) => state)).not.toContain('enforced');
});

it.each([true, false])('is not asked for GPUs, which it would not give: preflight %s', async (preflight) => {
  const policy = { images: { allow: ['**'] }, gpu: { enabled: true, preflight } };
  expect(await outcomeOf({ resources: { gpu: { count: 1 } } }, { policy })).toMatchObject({
    code: 'engine.gpu_unavailable',
    details: { field: 'docker.resources.gpu' },
  });
});

it('takes a request for GPUs that is passed on, and the container has none', async () => {
  const docker = new Docker({ socketPath: engineHost.slice('unix://'.length) });
  const container = await docker.createContainer({
    Image: image,
    Cmd: ['true'],
    HostConfig: { NetworkMode: 'none', DeviceRequests: [{ Count: -1, Capabilities: [['gpu']] }] },
  });
  try {
    const { HostConfig: applied } = await container.inspect();
    expect(applied.DeviceRequests ?? []).toEqual([]);
    expect(applied.Devices ?? []).toEqual([]);
  } finally {
    await container.remove({ force: true });
  }
});

it('says what it lacks', async () => {
  const engine = dockerEngine({ host: engineHost });
  try {
    const { name, gaps } = await engine.info();
    expect(name).toBe('podman');
    expect(gaps).toEqual(['copies', 'mountPaths', 'startErrors', 'killSignals', 'runtimes', 'gpus']);
  } finally {
    await engine.close();
  }
});
