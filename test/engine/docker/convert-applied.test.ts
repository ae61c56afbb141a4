/** What inspections say was applied: recorded from engines, and one setting after the other. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { AppliedSpec } from '../../../src/engine/applied-spec.js';
import { fromInspect } from '../../../src/engine/docker/convert.js';
import { toAppliedSpec } from '../../../src/engine/docker/convert-applied.js';
import { toList, toObject, type JsonObject } from '../../../src/engine/docker/json-fields.js';
import { attest } from '../../../src/plan/attestation.js';
import type { ContainerSpec } from '../../../src/plan/container-spec.js';
import { hardenedSpec } from './specs.js';

const recorded = (name: string): JsonObject =>
  JSON.parse(readFileSync(new URL(`recorded/${name}.json`, import.meta.url), 'utf8')) as JsonObject;
const docker20 = recorded('docker-20.10');

/** What the recorded containers were made from, by the body this adapter writes for it. */
const asked = (inspection: JsonObject): ContainerSpec =>
  hardenedSpec({
    name: 'job-1',
    image: String(inspection['Image']),
    environment: [
      { name: 'HOME', value: '/tmp' },
      { name: 'B', value: 'a=b' },
    ],
    capabilitiesAdded: ['CHOWN'],
    resources: {
      cpus: 1,
      memoryBytes: 134_217_728,
      pidsLimit: 64,
      shmBytes: 16_777_216,
      ulimits: [
        { name: 'core', soft: 0, hard: 0 },
        { name: 'nofile', soft: 1024, hard: 1024 },
      ],
    },
    mounts: [
      { type: 'bind', source: '/srv/run', target: '/workspace', readOnly: false },
      { type: 'bind', source: '/srv/run/f', target: '/workspace/f', readOnly: true },
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
    stdin: true,
    labels: { 'a.b': 'c' },
  });
const image = {
  entryPoint: [],
  command: ['sh'],
  workingDirectory: '/tmp',
  environment: ['PATH=/usr/local/bin:/usr/bin:/bin', 'A=1'],
};

describe('a volume', () => {
  const volume = { Type: 'volume', Name: 'v', Source: '/var/lib/v/_data', Destination: '/v', RW: false };
  const mountsOf = (asked: object): AppliedSpec['mounts'] =>
    toAppliedSpec({ HostConfig: { Mounts: [asked] }, Mounts: [{ ...volume, Propagation: '' }] }).mounts;
  it.each([
    ['as a whole', { Target: '/v' }, null],
    ['in a part', { Target: '/v', VolumeOptions: { Subpath: 'in/0' } }, 'in/0'],
    ['while a part of another is asked for', { Target: '/w', VolumeOptions: { Subpath: 'x' } }, null],
  ])('is told by its name, %s', (_, asked, subpath) => {
    const told = { type: 'volume', source: 'v', subpath, target: '/v', readOnly: true, isPrivate: true };
    expect(mountsOf(asked)).toEqual([told]);
  });
});

describe('recorded inspections', () => {
  // The image has a VOLUME, which nothing covered.
  it.each(['docker-20.10', 'docker-26.1'])('%s: all as asked, but for the volume of the image', (name) => {
    const inspection = recorded(name);
    const differences = attest(asked(inspection), image, fromInspect(inspection));
    expect(differences.map(({ field }) => field)).toEqual(['mounts./data']);
    const mounts = toList(inspection['Mounts']).filter((mount) => toObject(mount)['Type'] === 'bind');
    expect(attest(asked(inspection), image, fromInspect({ ...inspection, Mounts: mounts }))).toEqual([]);
  });

  // It was made without what this engine refuses: owners of a tmpfs, and the bounded log; and with a limit of processes it cannot do without.
  it('podman-4.3: what it says in other words is understood, what it does otherwise is told', () => {
    const inspection = recorded('podman-4.3');
    const spec = asked(inspection);
    const ulimits = [...spec.resources.ulimits, { name: 'nproc', soft: 1024, hard: 1024 }];
    const own = { ...spec, resources: { ...spec.resources, ulimits } };
    const itsImage = { ...image, workingDirectory: null, environment: image.environment.slice(0, 1) };
    const differences = attest(own, itsImage, fromInspect(inspection));
    expect(differences.map(({ field, found }) => `${field}: ${found}`)).toEqual([
      'tmpfs./tmp: sizeBytes 67108864, inodes null, uid null, gid null, mode 0700, exec',
      'tmpfs./run: sizeBytes null, inodes null, uid null, gid null, mode null, noexec',
      'tmpfs./var/tmp: sizeBytes null, inodes null, uid null, gid null, mode null, noexec',
      'log: "unbounded or elsewhere"',
      'sharedNamespaces: ["cgroup=default","ipc=shareable"]',
      `others: ${JSON.stringify([
        'tmpfs /run: tmpcopyup',
        'tmpfs /tmp: tmpcopyup',
        'tmpfs /var/tmp: tmpcopyup',
      ]).slice(0, 200)}`,
    ]);
  });
});

describe('what Podman tells in its own words', () => {
  const podman = recorded('podman-4.3');
  const tell = (host: object, networks: object = {}): AppliedSpec =>
    toAppliedSpec(
      {
        ...podman,
        HostConfig: { ...toObject(podman['HostConfig']), ...host },
        NetworkSettings: { Networks: networks },
      },
      'podman',
    );

  it('is of namespaces of its own, and says what it leaves out', () => {
    const told = tell({ IpcMode: 'shareable', CgroupnsMode: '' });
    expect(told.sharedNamespaces).toEqual([]);
    expect(told.untold).toEqual(['log', 'tmpfsOwners', 'tmpfsInodes']);
    expect(tell({ IpcMode: 'host', PidMode: 'host' }).sharedNamespaces).toEqual(['ipc=host', 'pid=host']);
  });

  it('calls the network of mode bridge its own, and no other', () => {
    expect(tell({ NetworkMode: 'bridge' }, { podman: {} }).otherNetworks).toEqual([]);
    expect(tell({ NetworkMode: 'none' }, { podman: {} }).otherNetworks).toEqual(['podman']);
    const docker = { HostConfig: { NetworkMode: 'bridge' }, NetworkSettings: { Networks: { podman: {} } } };
    expect(toAppliedSpec(docker).otherNetworks).toEqual(['podman']);
  });

  it('has covers of a read-only root, which are read-only; a writable one is told', () => {
    const cover = 'ro,nosuid,nodev,noexec,tmpcopyup,rprivate';
    expect(tell({ Tmpfs: { '/run': cover } }).tmpfs).toEqual([]);
    const writable = { Tmpfs: { '/run': 'rw,nosuid,nodev,size=64,rprivate', '/other': cover } };
    expect(tell(writable).tmpfs.map(({ target }) => target)).toEqual(['/other', '/run']);
    expect(tell(writable).others).toContain('tmpfs /other: ro');
  });
});

const withHost = (fields: object): JsonObject => ({
  ...docker20,
  HostConfig: { ...toObject(docker20['HostConfig']), ...fields },
});
const withConfig = (fields: object): JsonObject => ({
  ...docker20,
  Config: { ...toObject(docker20['Config']), ...fields },
});

describe('toAppliedSpec', () => {
  it.each<[string, JsonObject, Partial<AppliedSpec>]>([
    [
      'nothing dropped',
      withHost({ CapDrop: null, CapAdd: null }),
      { capabilities: expect.arrayContaining(['CHOWN', 'NET_RAW']) as string[] },
    ],
    ['CAP_ in front', withHost({ CapAdd: ['CAP_NET_ADMIN'] }), { capabilities: ['NET_ADMIN'] }],
    ['all added', withHost({ CapAdd: ['ALL'] }), { capabilities: ['ALL'] }],
    ['privileged', withHost({ Privileged: true }), { privileged: true }],
    ['another network', withHost({ NetworkMode: 'host' }), { networkMode: 'host', otherNetworks: ['none'] }],
    [
      'no new privileges, written out',
      withHost({ SecurityOpt: ['no-new-privileges:true'] }),
      { noNewPrivileges: true, securityOptions: [] },
    ],
    [
      'new privileges',
      withHost({ SecurityOpt: ['no-new-privileges:false', 'seccomp=unconfined'] }),
      { noNewPrivileges: false, securityOptions: ['no-new-privileges:false', 'seccomp=unconfined'] },
    ],
    ['no init', withHost({ Init: null }), { init: false }],
    [
      'no memory limit',
      withHost({ Memory: 0, MemorySwap: -1 }),
      { resources: expect.objectContaining({ memoryBytes: null, swapBytes: null }) as never },
    ],
    [
      'open swap',
      withHost({ MemorySwap: -1 }),
      { resources: expect.objectContaining({ memoryBytes: 134_217_728, swapBytes: null }) as never },
    ],
    [
      'some swap',
      withHost({ MemorySwap: 134_217_729 }),
      { resources: expect.objectContaining({ swapBytes: 1 }) as never },
    ],
    [
      'no limit of processes',
      withHost({ PidsLimit: null }),
      { resources: expect.objectContaining({ pidsLimit: null }) as never },
    ],
    [
      'quota instead of cores',
      withHost({ NanoCpus: 0, CpuQuota: 50_000 }),
      { resources: expect.objectContaining({ cpus: 0 }) as never },
    ],
    [
      'all graphics processors',
      withHost({
        DeviceRequests: [{ Driver: '', Count: -1, DeviceIDs: null, Capabilities: [['gpu']], Options: {} }],
      }),
      { gpu: { devices: 'all', capabilities: [] } },
    ],
    [
      'one graphics processor',
      withHost({ DeviceRequests: [{ Count: 0, DeviceIDs: ['1'], Capabilities: [['gpu', 'video']] }] }),
      { gpu: { devices: ['1'], capabilities: ['video'] } },
    ],
    ...[
      [{ Count: 2, DeviceIDs: ['1'], Capabilities: [['gpu']] }],
      [{ Count: 0, DeviceIDs: [], Capabilities: [['gpu']] }],
      [{ Count: -1, Capabilities: [['gpu'], ['tpu']] }],
      [{ Count: -1, Capabilities: [['gpu', 'other']] }],
      [{ Count: -1, Capabilities: [['compute', 'gpu']] }],
      [{ Count: -1, Driver: 'cdi', Capabilities: [['gpu']] }],
      [{ Count: -1, Options: { a: 'b' }, Capabilities: [['gpu']] }],
      [
        { Count: 1, Capabilities: [['gpu']] },
        { Count: -1, Capabilities: [['gpu']] },
      ],
    ].map((DeviceRequests): [string, JsonObject, Partial<AppliedSpec>] => [
      `graphics processors as nobody asks for them: ${JSON.stringify(DeviceRequests)}`,
      withHost({ DeviceRequests }),
      { gpu: JSON.stringify(DeviceRequests) },
    ]),
    [
      'devices',
      withHost({ Devices: [{ PathOnHost: '/dev/sda' }], DeviceCgroupRules: ['c 1:3 rwm'] }),
      { devices: ['/dev/sda', 'c 1:3 rwm'] },
    ],
    [
      'another log',
      withHost({ LogConfig: { Type: 'json-file', Config: { 'max-size': '1', 'max-file': '1' } } }),
      { log: null },
    ],
    [
      'an unbounded log',
      withHost({ LogConfig: { Type: 'local', Config: { 'max-file': '1' } } }),
      { log: null },
    ],
    [
      'shared namespaces',
      withHost({
        PidMode: 'host',
        IpcMode: 'container:x',
        CgroupnsMode: 'host',
        UTSMode: 'host',
        UsernsMode: 'host',
      }),
      { sharedNamespaces: ['cgroup=host', 'ipc=container:x', 'pid=host', 'user=host', 'uts=host'] },
    ],
    ['the engine’s own idea of ipc', withHost({ IpcMode: '' }), { sharedNamespaces: ['ipc=default'] }],
    ['unmasked paths', withHost({ MaskedPaths: [] }), { systemPathsProtected: false }],
    ['writable system paths', withHost({ ReadonlyPaths: ['/proc/bus'] }), { systemPathsProtected: false }],
    [
      'published ports',
      withHost({ PortBindings: { '80/tcp': [{ HostPort: '80' }] }, PublishAllPorts: true }),
      { publishedPorts: ['80/tcp', 'all'] },
    ],
    ['a restart', withHost({ RestartPolicy: { Name: 'on-failure' } }), { restarts: true }],
    ['removal', withHost({ AutoRemove: true }), { autoRemove: true }],
    [
      'set-user-id programs in a tmpfs',
      withHost({ Tmpfs: { '/t': 'size=1,suid' } }),
      { tmpfs: [expect.objectContaining({ isHardened: false, sizeBytes: 1, exec: false })] as never },
    ],
    [
      'the last of two words about a tmpfs',
      withHost({ Tmpfs: { '/t': 'noexec,exec,dev,nodev,size=1m' } }),
      { tmpfs: [expect.objectContaining({ isHardened: true, sizeBytes: null, exec: true })] as never },
    ],
    [
      'other settings',
      withHost({
        GroupAdd: ['docker'],
        ExtraHosts: ['a:1.2.3.4'],
        OomScoreAdj: -500,
        Sysctls: { 'net.a': '1' },
        CgroupParent: '/x',
      }),
      {
        others: [
          'CgroupParent="/x"',
          'ExtraHosts=["a:1.2.3.4"]',
          'GroupAdd=["docker"]',
          'OomScoreAdj=-500',
          'Sysctls={"net.a":"1"}',
        ],
      },
    ],
    ['a terminal', withConfig({ Tty: true }), { terminal: true }],
    ['a health check', withConfig({ Healthcheck: { Test: ['CMD', 'true'] } }), { healthCheck: true }],
    ['no word about health', withConfig({ Healthcheck: null }), { healthCheck: false }],
    ['a signal by number', withConfig({ StopSignal: '9' }), { stopSignal: 'SIGKILL' }],
    ['a variable without a value', withConfig({ Env: ['A'] }), { environment: [{ name: 'A', value: '' }] }],
    ['no working directory', withConfig({ WorkingDir: '' }), { workingDirectory: '/' }],
  ])('%s', (_, inspection, found) => {
    expect(toAppliedSpec(inspection)).toMatchObject(found);
  });

  it.each([{}, { HostConfig: null, Config: 'x', Mounts: {}, NetworkSettings: [] }])(
    'makes of %j nothing that could pass for a hardened container',
    (inspection) => {
      const differences = attest(hardenedSpec(), image, {
        ...fromInspect(docker20),
        applied: toAppliedSpec(inspection),
      });
      const fields = differences.map(({ field }) => field);
      for (const field of [
        'user',
        'capabilitiesDropped',
        'noNewPrivileges',
        'networkMode',
        'resources.memoryBytes',
      ])
        expect(fields).toContain(field);
    },
  );
});
