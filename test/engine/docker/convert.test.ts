import { describe, expect, it } from 'vitest';
import type { GpuSpec } from '../../../src/plan/container-spec.js';
import { toAppliedSpec } from '../../../src/engine/docker/convert-applied.js';
import {
  fromCreate,
  fromEvent,
  fromImageInspect,
  fromInfo,
  fromInspect,
  fromList,
} from '../../../src/engine/docker/convert.js';
import { toCreateBody } from '../../../src/engine/docker/create-body.js';
import { hardenedSpec } from './specs.js';

const id = 'c'.repeat(64);

describe('toCreateBody', () => {
  it('mounts volumes as they are, or a part of them', () => {
    const mounts = [
      { type: 'volume', source: 'v', subpath: null, target: '/a', readOnly: false },
      { type: 'volume', source: 'v', subpath: 'in/0', target: '/b', readOnly: true },
    ] as const;
    expect(toCreateBody(hardenedSpec({ mounts }))['HostConfig']).toMatchObject({
      Mounts: [
        { Type: 'volume', Source: 'v', Target: '/a', ReadOnly: false, VolumeOptions: { NoCopy: true } },
        {
          ...{ Type: 'volume', Source: 'v', Target: '/b', ReadOnly: true },
          VolumeOptions: { NoCopy: true, Subpath: 'in/0' },
        },
      ],
    });
  });

  it('writes the hardened default in full', () => {
    const spec = hardenedSpec({
      environment: [{ name: 'A', value: 'x=y' }],
      mounts: [
        { type: 'bind', source: '/run/w', target: '/workspace', readOnly: false },
        { type: 'bind', source: '/run/i:x,y', target: '/workspace/in', readOnly: true },
      ],
      tmpfs: [
        {
          target: '/tmp',
          sizeBytes: 67_108_864,
          inodes: 16_384,
          uid: 1000,
          gid: 1000,
          mode: '0700',
          exec: true,
        },
      ],
    });
    expect(toCreateBody(spec)).toEqual({
      Image: spec.image,
      Cmd: ['true'],
      Env: ['A=x=y'],
      User: '1000:1000',
      Labels: { 'berthkit.managed': 'true' },
      StopSignal: 'SIGTERM',
      Healthcheck: { Test: ['NONE'] },
      Tty: false,
      AttachStdin: false,
      AttachStdout: true,
      AttachStderr: true,
      OpenStdin: false,
      StdinOnce: false,
      HostConfig: {
        NetworkMode: 'none',
        ReadonlyRootfs: true,
        Privileged: false,
        CapDrop: ['ALL'],
        CapAdd: [],
        SecurityOpt: ['no-new-privileges'],
        Init: true,
        IpcMode: 'private',
        CgroupnsMode: 'private',
        NanoCpus: 1_000_000_000,
        Memory: 536_870_912,
        MemorySwap: 536_870_912,
        PidsLimit: 256,
        ShmSize: 67_108_864,
        Ulimits: [
          { Name: 'nofile', Soft: 1024, Hard: 1024 },
          { Name: 'core', Soft: 0, Hard: 0 },
        ],
        Mounts: [
          {
            Type: 'bind',
            Source: '/run/w',
            Target: '/workspace',
            ReadOnly: false,
            BindOptions: { Propagation: 'rprivate' },
          },
          {
            Type: 'bind',
            Source: '/run/i:x,y',
            Target: '/workspace/in',
            ReadOnly: true,
            BindOptions: { Propagation: 'rprivate' },
          },
        ],
        Tmpfs: { '/tmp': 'rw,nosuid,nodev,exec,uid=1000,gid=1000,mode=0700,size=67108864,nr_inodes=16384' },
        LogConfig: { Type: 'local', Config: { 'max-size': '10000000', 'max-file': '2', compress: 'false' } },
        RestartPolicy: { Name: 'no' },
        AutoRemove: false,
      },
    });
  });

  it('keeps null and empty entry points apart', () => {
    expect(toCreateBody(hardenedSpec({ entryPoint: null, command: null }))).not.toHaveProperty('Entrypoint');
    expect(toCreateBody(hardenedSpec({ entryPoint: null, command: null }))).not.toHaveProperty('Cmd');
    expect(toCreateBody(hardenedSpec({ entryPoint: [] }))).toHaveProperty('Entrypoint', []);
    expect(toCreateBody(hardenedSpec({ command: [] }))).toHaveProperty('Cmd', []);
  });

  it('asks for a GPU, a runtime, a folder and standard input only where the spec does', () => {
    const body = toCreateBody(
      hardenedSpec({
        gpu: { devices: 'all', capabilities: [] },
        runtime: 'runsc',
        workingDirectory: '/w',
        stdin: true,
        noNewPrivileges: false,
      }),
    );
    expect(body).toMatchObject({
      WorkingDir: '/w',
      OpenStdin: true,
      StdinOnce: true,
      AttachStdin: true,
      HostConfig: {
        Runtime: 'runsc',
        SecurityOpt: [],
        DeviceRequests: [{ Driver: '', Count: -1, Capabilities: [['gpu']], Options: {} }],
      },
    });
    expect(toCreateBody(hardenedSpec())['HostConfig']).not.toHaveProperty('DeviceRequests');
  });

  it.each<[GpuSpec, unknown]>([
    [
      { devices: 2, capabilities: [] },
      { Driver: '', Count: 2, Capabilities: [['gpu']], Options: {} },
    ],
    [
      { devices: ['0', 'GPU-1'], capabilities: ['compute', 'utility'] },
      { Driver: '', DeviceIDs: ['0', 'GPU-1'], Capabilities: [['gpu', 'compute', 'utility']], Options: {} },
    ],
  ])('asks for the GPUs of %j, and reads them back', (gpu, request) => {
    const { HostConfig: host } = toCreateBody(hardenedSpec({ gpu }));
    expect((host as { readonly DeviceRequests: unknown }).DeviceRequests).toEqual([request]);
    expect(toAppliedSpec({ HostConfig: host }).gpu).toEqual(gpu);
  });

  it('rounds cores to whole nano cores and says noexec', () => {
    const spec = hardenedSpec({
      resources: { ...hardenedSpec().resources, cpus: 0.1 + 0.2 },
      tmpfs: [{ target: '/t', sizeBytes: 1, inodes: 2, uid: 3, gid: 4, mode: '1777', exec: false }],
    });
    expect(toCreateBody(spec)).toMatchObject({
      HostConfig: {
        NanoCpus: 300_000_000,
        Tmpfs: { '/t': 'rw,nosuid,nodev,noexec,uid=3,gid=4,mode=1777,size=1,nr_inodes=2' },
      },
    });
  });
});

describe('fromInspect', () => {
  const answer = (state: object) => ({
    Id: id,
    Name: '/one',
    Image: 'sha256:1',
    State: { Status: 'exited', ExitCode: 3, StartedAt: '2026-01-01T00:00:00.1Z', ...state },
    Config: { Labels: { a: 'b', __proto__: null } },
  });

  it('reads a container that ended', () => {
    expect(fromInspect(answer({ FinishedAt: '2026-01-01T00:00:01Z', OOMKilled: true, Error: 'e' }))).toEqual({
      id,
      name: 'one',
      imageId: 'sha256:1',
      status: 'exited',
      startedAt: '2026-01-01T00:00:00.1Z',
      finishedAt: '2026-01-01T00:00:01Z',
      exitCode: 3,
      oomKilled: true,
      error: 'e',
      labels: { a: 'b' },
      applied: expect.objectContaining({ user: '', privileged: false }) as unknown,
    });
  });

  it.each([
    ['created', '0001-01-01T00:00:00Z', null],
    ['exited', '0001-01-01T00:00:00Z', null],
    ['running', '2026-01-01T00:00:00Z', null],
    ['dead', '2026-01-01T00:00:00Z', 3],
  ])('%s, started %s: exit code %s', (Status, StartedAt, exitCode) => {
    const info = fromInspect(answer({ Status, StartedAt, FinishedAt: '0001-01-01T00:00:00Z' }));
    expect(info.exitCode).toBe(exitCode);
    expect(info.finishedAt).toBeNull();
    expect(info.startedAt).toBe(StartedAt.startsWith('0001') ? null : StartedAt);
  });

  it.each([
    ['docker', { OOMKilled: false, ExitCode: 137 }, false],
    ['podman', { OOMKilled: false, ExitCode: 137 }, null],
    ['podman', { OOMKilled: false, ExitCode: 0 }, null],
    ['podman', { OOMKilled: true, ExitCode: 137 }, true],
    ['podman', { Status: 'created', StartedAt: '0001-01-01T00:00:00Z' }, false],
  ] as const)('%s, %j: a lack of memory is %s', (dialect, state, oomKilled) => {
    expect(fromInspect(answer(state), dialect).oomKilled).toBe(oomKilled);
  });

  it.each([null, [], 'x', {}, { Id: id }, { Id: id, State: { Status: 'flying' } }])('refuses %j', (body) => {
    expect(() => fromInspect(body)).toThrow(expect.objectContaining({ code: 'engine.failed' }));
  });
});

describe('other answers', () => {
  it('create', () => {
    expect(fromCreate({ Id: id, Warnings: null })).toEqual({ id, warnings: [] });
    expect(fromCreate({ Id: id, Warnings: ['w'] })).toEqual({ id, warnings: ['w'] });
    expect(() => fromCreate({})).toThrow(expect.objectContaining({ code: 'engine.failed' }));
  });

  it('list', () => {
    expect(
      fromList([
        { Id: id, Names: ['/n'], ImageID: `sha256:${id}`, Labels: { a: 'b' } },
        // The same id without the name of its hash.
        { Id: id, Names: null, ImageID: id, Labels: null },
      ]),
    ).toEqual([
      { id, name: 'n', imageId: `sha256:${id}`, labels: { a: 'b' } },
      { id, name: '', imageId: `sha256:${id}`, labels: {} },
    ]);
  });

  it('image, with nothing set and with everything set', () => {
    expect(
      fromImageInspect({ Id: 'sha256:1', Config: null, RepoTags: null, Os: 'linux', Architecture: 'amd64' }),
    ).toEqual({
      id: 'sha256:1',
      repoDigests: [],
      repoTags: [],
      volumes: [],
      entryPoint: [],
      command: [],
      workingDirectory: null,
      user: null,
      environment: [],
      operatingSystem: 'linux',
      architecture: 'amd64',
      variant: null,
      sizeBytes: 0,
    });
    const full = fromImageInspect({
      Id: 'sha256:1',
      Size: 5,
      Variant: 'v7',
      Config: {
        Volumes: { '/data': {} },
        Entrypoint: ['e'],
        Cmd: ['c'],
        WorkingDir: '/w',
        User: 'u',
        Env: ['A=1'],
      },
    });
    expect(full).toMatchObject({
      volumes: ['/data'],
      entryPoint: ['e'],
      command: ['c'],
      workingDirectory: '/w',
      user: 'u',
      environment: ['A=1'],
      sizeBytes: 5,
    });
  });

  it.each([
    [{ Action: 'start' }, { type: 'start', signal: null }],
    [
      { Action: 'kill', Actor: { Attributes: { signal: '9' } } },
      { type: 'kill', signal: 9 },
    ],
    [
      { Action: 'kill', Actor: { Attributes: { signal: 'TERM' } } },
      { type: 'kill', signal: null },
    ],
    [
      { Action: 'die', Actor: { Attributes: { signal: '9' } } },
      { type: 'die', signal: null },
    ],
    [{ Action: 'exec_start: sh' }, null],
    [{}, null],
    [[], null],
  ])('event %j', (event, expected) => {
    expect(fromEvent(Buffer.from(JSON.stringify(event)))).toEqual(expected);
  });

  it('an event that is none', () => {
    expect(fromEvent(Buffer.from('{"Action":'))).toBeNull();
    expect(fromEvent(Buffer.alloc(0))).toBeNull();
  });

  it.each([
    [{ Runtimes: { runc: {}, nvidia: {} } }, true],
    [{ Runtimes: { runc: {}, amd: {} } }, true],
    [{ Runtimes: { runc: {}, amdahl: {} } }, false],
    [{ GenericResources: [{ NamedResourceSpec: { Kind: 'NVIDIA-GPU', Value: 'GPU-1' } }] }, true],
    [{ GenericResources: [{ DiscreteResourceSpec: { Kind: 'gpu', Value: 2 } }] }, true],
    [{ GenericResources: [{ DiscreteResourceSpec: { Kind: 'SSD', Value: 3 } }, null] }, false],
    [{}, false],
  ])('info that shows a GPU: %j', (system, expected) => {
    expect(fromInfo({}, { NCPU: 1, MemTotal: 1, ...system }).showsGpu).toBe(expected);
  });

  it('info', () => {
    expect(
      fromInfo(
        {
          Version: '20.10.24',
          ApiVersion: '1.41',
          Os: 'linux',
          Arch: 'amd64',
          Components: [{ Name: 'Engine' }],
        },
        {
          NCPU: 2,
          MemTotal: 7,
          SwapLimit: true,
          Runtimes: { runc: {}, runsc: {} },
          LiveRestoreEnabled: true,
          CgroupVersion: '1',
          Driver: 'overlay2',
          SecurityOptions: ['name=seccomp,profile=default'],
          SystemTime: '2026-01-02T03:04:05.678901234Z',
          DefaultAddressPools: [{ Base: '10.10.0.0/16', Size: 24 }, { Base: '10.11.0.0/16' }],
        },
      ),
    ).toEqual({
      name: 'docker',
      version: '20.10.24',
      apiVersion: '1.41',
      operatingSystem: 'linux',
      architecture: 'amd64',
      runtimes: ['runc', 'runsc'],
      showsGpu: false,
      cpus: 2,
      memoryBytes: 7,
      limitsSwap: true,
      liveRestore: true,
      volumeSubpaths: false,
      system: {
        cgroupVersion: '1',
        storageDriver: 'overlay2',
        securityOptions: ['name=seccomp,profile=default'],
        time: '2026-01-02T03:04:05.678901234Z',
        addressPools: [{ base: '10.10.0.0/16', size: 24 }],
      },
    });
    const system = { NCPU: 1, MemTotal: 1 };
    expect(fromInfo({ Components: [{ Name: 'Podman Engine' }] }, system)).toMatchObject({
      name: 'podman',
      liveRestore: null,
    });
  });

  it.each([null, {}, { NCPU: 2 }, { NCPU: 0, MemTotal: 7 }, { NCPU: 2, MemTotal: '7' }])(
    'takes no answer for an engine’s that does not say what it has: %j',
    (system) => {
      expect(() => fromInfo({ Version: '1' }, system)).toThrow(
        expect.objectContaining({ code: 'engine.failed' }) as Error,
      );
    },
  );
});
