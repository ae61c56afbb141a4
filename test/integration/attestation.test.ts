/** A container that is not what was asked for is never started, whoever changed it. */
import Docker from 'dockerode';
import { dockerEngine, type JobRuntimeError, type RunEvent, type SpecDifference } from 'berthkit';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildVariant, ensureImage } from '../../scripts/image-kit/image-kit.js';
import type { EngineCall } from '../proxy/engine-call.js';
import { type EngineProxy, startEngineProxy } from '../proxy/engine-proxy.js';
import { testRuntime } from './setup.js';
import { connectToEngine, isRemote, needsSharedFiles } from './test-engine.js';

/** The body of a create request, in the engine's words. */
interface CreateBody extends Record<string, unknown> {
  HostConfig: Record<string, unknown>;
  Labels: Record<string, string>;
}

let image = '';
let otherImageId = '';
let docker: Docker;
beforeAll(async () => {
  docker = new Docker();
  image = await ensureImage('busybox');
  const other = await buildVariant({ changes: ['ENV OTHER=1'] });
  otherImageId = (await docker.getImage(other).inspect()).Id;
});

let proxy: EngineProxy | null = null;
afterEach(async () => {
  await proxy?.close();
  proxy = null;
});

interface Attempt {
  readonly outcome: unknown;
  readonly events: readonly RunEvent[];
  readonly requests: readonly string[];
  /** How often the engine itself started this container. */
  readonly starts: number;
  readonly containerName: string;
}

async function attempt(rewrite: (body: CreateBody) => void): Promise<Attempt> {
  proxy = await startEngineProxy({
    engine: connectToEngine,
    rewrite: (call) => (call.path === '/containers/create' ? rewritten(call, rewrite) : call),
  });
  const engine = dockerEngine({ host: proxy.host });
  const runtime = await testRuntime({}, { engine, resolveSecret: () => Promise.resolve('hunter2-hunter2') });
  const events: RunEvent[] = [];
  const outcome = await runtime
    .runJob(
      {
        slug: 'attested',
        docker: {
          image,
          command: ['sh', '-c', 'echo ran'],
          environment: [{ name: 'TOKEN', secret: { source: 'env', key: 'TOKEN' } }],
          inputs: [{ source: { type: 'inline', content: 'original' }, workspacePath: 'in.txt' }],
        },
      },
      { onEvent: (event) => events.push(event) },
    )
    .catch((error: unknown) => error);
  await runtime.close();
  await engine.close();
  const created = events.find((event) => event.type === 'container_created');
  const containerName = created?.containerName ?? '';
  return {
    outcome,
    events,
    requests: proxy.calls.map(({ path }) => path.replace(/[0-9a-f]{64}/, '<id>')),
    starts: await startsOf(containerName),
    containerName,
  };
}

function rewritten(call: EngineCall, rewrite: (body: CreateBody) => void): EngineCall {
  const body = JSON.parse(call.body.toString()) as CreateBody;
  if (body.Labels['berthkit.kind'] === 'helper') return call;
  rewrite(body);
  return { ...call, body: Buffer.from(JSON.stringify(body)) };
}

async function startsOf(container: string): Promise<number> {
  // What is remembered ends there: a moment still to come would be waited for.
  const until = Date.now() / 1000;
  const filters = JSON.stringify({ type: ['container'], event: ['start'], container: [container] });
  const stream = (await docker.getEvents({ since: 1, until, filters })) as AsyncIterable<Uint8Array>;
  let text = '';
  for await (const chunk of stream) text += Buffer.from(chunk).toString();
  return text.split('\n').filter((line) => line.trim() !== '').length;
}

/** What is changed on the way, and what has to be said of it. */
const REWRITES: Readonly<Record<string, readonly [field: string, rewrite: (body: CreateBody) => void]>> = {
  'strips CapDrop': ['capabilitiesDropped', ({ HostConfig }) => delete HostConfig['CapDrop']],
  'adds a capability': ['capabilitiesDropped', ({ HostConfig }) => (HostConfig['CapAdd'] = ['SYS_ADMIN'])],
  'gives it a network': ['networkMode', ({ HostConfig }) => (HostConfig['NetworkMode'] = 'bridge')],
  'gives it the network of the host': [
    'networkMode',
    ({ HostConfig }) => (HostConfig['NetworkMode'] = 'host'),
  ],
  'makes an input writable': [
    isRemote ? 'mounts./workspace/.inputs' : 'mounts./workspace/in.txt',
    ({ HostConfig }) => {
      for (const mount of HostConfig['Mounts'] as Record<string, unknown>[]) mount['ReadOnly'] = false;
    },
  ],
  'mounts the host': ['mounts./host', ({ HostConfig }) => (HostConfig['Binds'] = ['/:/host:ro'])],
  'shares a mount with the host': [
    'mounts./workspace',
    ({ HostConfig }) => {
      const mounts = HostConfig['Mounts'] as Record<string, unknown>[];
      Object.assign(mounts[0] ?? {}, { BindOptions: { Propagation: 'slave' } });
    },
  ],
  'raises the memory': [
    'resources.memoryBytes',
    ({ HostConfig }) => Object.assign(HostConfig, { Memory: 2 ** 30, MemorySwap: 2 ** 30 }),
  ],
  'lifts the limit of memory': [
    'resources.memoryBytes',
    ({ HostConfig }) => Object.assign(HostConfig, { Memory: 0, MemorySwap: 0 }),
  ],
  'opens swap': ['resources.swapBytes', ({ HostConfig }) => (HostConfig['MemorySwap'] = -1)],
  'lifts the limit of processes': ['resources.pidsLimit', ({ HostConfig }) => delete HostConfig['PidsLimit']],
  'lifts the limit of processors': ['resources.cpus', ({ HostConfig }) => delete HostConfig['NanoCpus']],
  'strips the ulimits': ['resources.ulimits', ({ HostConfig }) => delete HostConfig['Ulimits']],
  'enlarges /dev/shm': ['resources.shmBytes', ({ HostConfig }) => (HostConfig['ShmSize'] = 2 ** 30)],
  'removes the user': ['user', (body) => delete body['User']],
  'makes it privileged': ['privileged', ({ HostConfig }) => (HostConfig['Privileged'] = true)],
  'takes another image': ['image', (body) => (body['Image'] = otherImageId)],
  'makes the root writable': [
    'readOnlyRootFilesystem',
    ({ HostConfig }) => (HostConfig['ReadonlyRootfs'] = false),
  ],
  'allows new privileges': ['noNewPrivileges', ({ HostConfig }) => (HostConfig['SecurityOpt'] = [])],
  'switches seccomp off': [
    'securityOptions',
    ({ HostConfig }) => (HostConfig['SecurityOpt'] = ['no-new-privileges', 'seccomp=unconfined']),
  ],
  'unmasks system paths': ['systemPathsProtected', ({ HostConfig }) => (HostConfig['MaskedPaths'] = [])],
  'leaves init out': ['init', ({ HostConfig }) => delete HostConfig['Init']],
  'lifts the bounds of /tmp': ['tmpfs./tmp', ({ HostConfig }) => (HostConfig['Tmpfs'] = { '/tmp': 'exec' })],
  'shares the processes of the host': [
    'sharedNamespaces',
    ({ HostConfig }) => (HostConfig['PidMode'] = 'host'),
  ],
  'shares the memory of the host': ['sharedNamespaces', ({ HostConfig }) => (HostConfig['IpcMode'] = 'host')],
  'shares the control groups of the host': [
    'sharedNamespaces',
    ({ HostConfig }) => (HostConfig['CgroupnsMode'] = 'host'),
  ],
  'gives it a device': [
    'devices',
    ({ HostConfig }) =>
      (HostConfig['Devices'] = [
        { PathOnHost: '/dev/null', PathInContainer: '/dev/x', CgroupPermissions: 'rwm' },
      ]),
  ],
  'publishes a port': [
    'publishedPorts',
    ({ HostConfig }) => (HostConfig['PortBindings'] = { '80/tcp': [{ HostPort: '18080' }] }),
  ],
  'takes an unbounded log': ['log', ({ HostConfig }) => (HostConfig['LogConfig'] = { Type: 'json-file' })],
  'lets the engine start it again': [
    'restarts',
    ({ HostConfig }) => (HostConfig['RestartPolicy'] = { Name: 'always' }),
  ],
  'lets the engine remove it': ['autoRemove', ({ HostConfig }) => (HostConfig['AutoRemove'] = true)],
  'adds a group': ['others', ({ HostConfig }) => (HostConfig['GroupAdd'] = ['0'])],
  'runs something else': ['command', (body) => (body['Cmd'] = ['sh', '-c', 'echo evil'])],
  'puts something before the command': ['entryPoint', (body) => (body['Entrypoint'] = ['/bin/env'])],
  'adds a variable': ['environment.LD_PRELOAD', (body) => (body['Env'] as string[]).push('LD_PRELOAD=/x.so')],
  'changes a secret': [
    'environment.TOKEN',
    (body) => (body['Env'] = (body['Env'] as string[]).map((line) => line.replace('hunter2', 'hunter3'))),
  ],
  'starts it elsewhere': ['workingDirectory', (body) => (body['WorkingDir'] = '/etc')],
  'strips our labels': ['labels.berthkit.run-id', (body) => (body.Labels = {})],
  'gives it a terminal': ['terminal', (body) => (body['Tty'] = true)],
  'opens its input': ['stdin', (body) => (body['OpenStdin'] = true)],
  'brings a health check': ['healthCheck', (body) => (body['Healthcheck'] = { Test: ['CMD', 'true'] })],
  'takes another stop signal': ['stopSignal', (body) => (body['StopSignal'] = 'SIGKILL')],
};

describe('attestation', () => {
  it('lets a container run that is as it was asked for', async () => {
    const { outcome, requests, starts } = await attempt(() => undefined);
    expect(outcome).toMatchObject({ status: 'succeeded', stdout: { text: 'ran\n' } });
    expect(starts).toBe(1);
    const steps = ['create', '<id>/json', '<id>/start'].map((step) =>
      requests.findIndex((line) => line.endsWith(`/containers/${step}`)),
    );
    expect(steps).toEqual([...steps].sort((first, second) => first - second));
    expect(steps).not.toContain(-1);
  });

  it.each(Object.entries(REWRITES))(
    'never starts a container where somebody %s',
    async (name, [field, rewrite]) => {
      if (name === 'shares a mount with the host') needsSharedFiles('a volume has no propagation');
      const { outcome, events, requests, starts, containerName } = await attempt(rewrite);
      expect(outcome).toMatchObject({ code: 'policy.violated', kind: 'policy', phase: 'create' });
      const differences = (outcome as JobRuntimeError).details['differences'] as readonly SpecDifference[];
      expect(differences.map((each) => each.field)).toContain(field);
      expect(JSON.stringify(outcome)).not.toMatch(/hunter[23]/);

      expect(requests.filter((line) => line.endsWith('/start'))).toEqual([]);
      expect(starts).toBe(0);
      expect(events.map(({ type }) => type)).not.toContain('container_started');
      expect(containerName).not.toBe('');
      await expect(docker.getContainer(containerName).inspect()).rejects.toMatchObject({ statusCode: 404 });
    },
  );
});
