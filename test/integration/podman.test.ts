/** What only Podman does, on the engine that `npm run test:podman` provides. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import Docker from 'dockerode';
import { dockerEngine, type JobDefinition, type RuntimeConfigInput } from 'berthkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { temporaryFolder, testRuntime } from './setup.js';
import { engineHost } from './test-engine.js';

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

  it('are mounted where Podman sees the folder', async () => {
    const docker = {
      command: ['sh', '-c', 'cat /workspace/a; echo > /run/x || echo > /var/tmp/x || echo refused'],
      inputs: [{ source: inline, workspacePath: 'a' }],
    };
    const result = await outcomeOf(docker, { workspace: { transport: 'auto' } });
    expect(result).toMatchObject({ status: 'succeeded', stdout: { text: 'givenrefused\n' } });
  });
});

it('says what it lacks', async () => {
  const engine = dockerEngine({ host: engineHost });
  try {
    const { name, gaps } = await engine.info();
    expect(name).toBe('podman');
    expect(gaps).toEqual(['copies', 'mountPaths', 'startErrors', 'killSignals']);
  } finally {
    await engine.close();
  }
});
