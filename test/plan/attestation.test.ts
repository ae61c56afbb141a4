/** Everything that an engine may have applied otherwise than asked, field by field; and what real engines only write in other words. */
import { describe, expect, it } from 'vitest';
import type { AppliedSpec } from '../../src/engine/applied-spec.js';
import type { ContainerInfo } from '../../src/engine/types.js';
import { attest, type ImageDefaults } from '../../src/plan/attestation.js';
import type { ContainerSpec } from '../../src/plan/container-spec.js';
import { appliedOf } from '../../src/testing/fake-applied.js';
import { hardenedSpec } from '../engine/docker/specs.js';

const SECRET = 'hunter2-hunter2';
const image: ImageDefaults = {
  entryPoint: ['/entry'],
  command: ['serve'],
  workingDirectory: '/srv/',
  environment: ['PATH=/bin', 'HOME=/', 'EMPTY='],
};
const tmp = { target: '/tmp', sizeBytes: 64, inodes: 16, uid: 1000, gid: 1000, mode: '0700', exec: true };
const spec = hardenedSpec({
  platform: 'linux/amd64',
  environment: [
    { name: 'TOKEN', value: SECRET },
    { name: 'HOME', value: '/tmp' },
  ],
  capabilitiesAdded: ['CHOWN'],
  runtime: 'runsc',
  gpu: { devices: ['0', '1'], capabilities: ['compute'] },
  mounts: [
    { type: 'bind', source: '/run/w', target: '/workspace', readOnly: false },
    { type: 'bind', source: '/run/i', target: '/workspace/in', readOnly: true },
    { type: 'volume', source: 'v', subpath: 'part', target: '/volume', readOnly: false },
  ],
  tmpfs: [tmp],
});

const infoOf = (asked: ContainerSpec): ContainerInfo => ({
  id: 'a'.repeat(64),
  name: asked.name,
  imageId: asked.image,
  status: 'created',
  startedAt: null,
  finishedAt: null,
  exitCode: null,
  oomKilled: false,
  error: '',
  labels: { ...asked.labels, 'of.the.image': 'x' },
  applied: appliedOf(asked, image, 'runc'),
});
const faithful = appliedOf(spec, image, 'runc');
const { resources } = faithful;

/** What is found instead, by the field that has to be named. */
const FOUND_IN_APPLIED: {
  readonly [K in keyof AppliedSpec]: Readonly<Record<string, Pick<AppliedSpec, K>>>;
} = {
  operatingSystem: { platform: { operatingSystem: 'windows' } },
  entryPoint: { entryPoint: { entryPoint: ['/evil'] } },
  command: { command: { command: [] } },
  workingDirectory: { workingDirectory: { workingDirectory: '/' } },
  environment: {
    'environment.LD_PRELOAD': { environment: [...faithful.environment, { name: 'LD_PRELOAD', value: '/x' }] },
    'environment.TOKEN': {
      environment: faithful.environment.map((each) => ({
        ...each,
        value: each.name === 'TOKEN' ? 'x' : each.value,
      })),
    },
    'environment.PATH': { environment: faithful.environment.filter(({ name }) => name !== 'PATH') },
    'environment.HOME': { environment: [...faithful.environment, { name: 'HOME', value: '/tmp' }] },
  },
  user: { user: { user: '' } },
  networkMode: { networkMode: { networkMode: 'host' } },
  otherNetworks: { otherNetworks: { otherNetworks: ['bridge'] } },
  readOnlyRootFilesystem: { readOnlyRootFilesystem: { readOnlyRootFilesystem: false } },
  capabilities: {
    capabilitiesDropped: { capabilities: ['CHOWN', 'SYS_ADMIN'] },
    capabilitiesAdded: { capabilities: [] },
  },
  noNewPrivileges: { noNewPrivileges: { noNewPrivileges: false } },
  init: { init: { init: false } },
  resources: {
    'resources.cpus': { resources: { ...resources, cpus: 2 } },
    'resources.memoryBytes': { resources: { ...resources, memoryBytes: null } },
    'resources.swapBytes': { resources: { ...resources, swapBytes: 1 } },
    'resources.pidsLimit': { resources: { ...resources, pidsLimit: null } },
    'resources.shmBytes': { resources: { ...resources, shmBytes: 0 } },
    'resources.ulimits': { resources: { ...resources, ulimits: resources.ulimits.slice(1) } },
  },
  gpu: { gpu: { gpu: null } },
  runtime: { runtime: { runtime: 'runc' } },
  mounts: {
    'mounts./workspace/in': { mounts: faithful.mounts.map((mount) => ({ ...mount, readOnly: false })) },
    'mounts./workspace': { mounts: faithful.mounts.filter(({ target }) => target !== '/workspace') },
    'mounts./volume': {
      mounts: faithful.mounts.map((mount) => (mount.type === 'volume' ? { ...mount, subpath: null } : mount)),
    },
    'mounts./host': {
      mounts: [
        ...faithful.mounts,
        { type: 'bind', source: '/', subpath: null, target: '/host', readOnly: true, isPrivate: true },
      ],
    },
  },
  tmpfs: { 'tmpfs./tmp': { tmpfs: [{ ...tmp, isHardened: true, sizeBytes: null }] } },
  stopSignal: { stopSignal: { stopSignal: 'SIGKILL' } },
  stdin: { stdin: { stdin: true } },
  log: { log: { log: null } },
  privileged: { privileged: { privileged: true } },
  sharedNamespaces: { sharedNamespaces: { sharedNamespaces: ['pid=host'] } },
  devices: { devices: { devices: ['/dev/sda'] } },
  securityOptions: { securityOptions: { securityOptions: ['seccomp=unconfined'] } },
  systemPathsProtected: { systemPathsProtected: { systemPathsProtected: false } },
  publishedPorts: { publishedPorts: { publishedPorts: ['80/tcp'] } },
  restarts: { restarts: { restarts: true } },
  autoRemove: { autoRemove: { autoRemove: true } },
  terminal: { terminal: { terminal: true } },
  healthCheck: { healthCheck: { healthCheck: true } },
  untold: {},
  others: { others: { others: ['VolumesFrom=["other"]'] } },
};
const rows: readonly (readonly [string, Partial<AppliedSpec>])[] = Object.values(FOUND_IN_APPLIED).flatMap(
  (row) => Object.entries<Partial<AppliedSpec>>(row),
);

describe('attest', () => {
  it('has nothing to say of a container that is as it was asked for', () => {
    expect(attest(spec, image, infoOf(spec))).toEqual([]);
    expect(attest(hardenedSpec(), image, infoOf(hardenedSpec()))).toEqual([]);
  });

  it.each(rows)('names %s alone when it differs', (field, found) => {
    const info = infoOf(spec);
    const differences = attest(spec, image, { ...info, applied: { ...faithful, ...found } });
    expect(differences.map((each) => each.field)).toEqual([field]);
    expect(differences[0]?.wanted).not.toBe(differences[0]?.found);
  });

  it.each<[string, Partial<ContainerInfo>]>([
    ['name', { name: 'other' }],
    ['image', { imageId: 'sha256:other' }],
    ['labels.berthkit.managed', { labels: {} }],
    ['applied', { applied: null }],
  ])('names %s alone when it differs', (field, found) => {
    const differences = attest(spec, image, { ...infoOf(spec), ...found });
    expect(differences.map((each) => each.field)).toEqual([field]);
  });

  it('tells every difference, without a value of the environment and cut to a bearable length', () => {
    const environment = faithful.environment.map(({ name, value }) => ({
      name,
      value: `${value}-${SECRET}`,
    }));
    const command = ['x'.repeat(10_000)];
    const info = { ...infoOf(spec), applied: { ...faithful, environment, command, privileged: true } };
    const differences = attest(spec, image, info);
    expect(differences.map(({ field }) => field).sort()).toEqual(
      [
        'command',
        'environment.EMPTY',
        'environment.HOME',
        'environment.PATH',
        'environment.TOKEN',
        'privileged',
      ].sort(),
    );
    expect(JSON.stringify(differences)).not.toContain(SECRET);
    expect(JSON.stringify(differences).length).toBeLessThan(2000);
  });

  it.each<[string, Partial<AppliedSpec>]>([
    ['a path that ends in a slash', { workingDirectory: '/srv/' }],
    [
      'variables that Podman adds',
      {
        environment: [
          ...faithful.environment,
          { name: 'TERM', value: 'xterm' },
          { name: 'container', value: 'podman' },
          { name: 'HOSTNAME', value: 'h' },
        ],
      },
    ],
    [
      'limits that Podman adds',
      {
        resources: { ...resources, ulimits: [...resources.ulimits, { name: 'nproc', soft: 9, hard: 9 }] },
      },
    ],
    [
      'a tmpfs without owners where the engine tells none',
      {
        tmpfs: faithful.tmpfs.map((each) => ({ ...each, uid: null, gid: null, mode: null, inodes: null })),
        untold: ['tmpfsOwners', 'tmpfsInodes'],
      },
    ],
    ['a log where the engine tells none', { log: null, untold: ['log'] }],
    ['ulimits in another order', { resources: { ...resources, ulimits: [...resources.ulimits].reverse() } }],
    ['cores rounded to billionths', { resources: { ...resources, cpus: 1 + 1e-12 } }],
    [
      'a folder of this host as Docker Desktop shows it',
      { mounts: faithful.mounts.map((mount) => ({ ...mount, source: `/host_mnt${mount.source}` })) },
    ],
    ['mounts in another order', { mounts: [...faithful.mounts].reverse() }],
  ])('takes %s for what was asked', (_, found) => {
    expect(attest(spec, image, { ...infoOf(spec), applied: { ...faithful, ...found } })).toEqual([]);
  });

  it.each<[string, Partial<AppliedSpec>, string]>([
    [
      'another size of a tmpfs',
      { tmpfs: faithful.tmpfs.map((each) => ({ ...each, sizeBytes: 1 })), untold: ['tmpfsOwners'] },
      'tmpfs./tmp',
    ],
    [
      'another number of files where only owners are untold',
      { tmpfs: faithful.tmpfs.map((each) => ({ ...each, inodes: null })), untold: ['tmpfsOwners'] },
      'tmpfs./tmp',
    ],
    ['a log where something else is untold', { log: null, untold: ['tmpfsOwners', 'tmpfsInodes'] }, 'log'],
    [
      'a limit that no engine adds',
      {
        resources: { ...resources, ulimits: [...resources.ulimits, { name: 'memlock', soft: 1, hard: 1 }] },
      },
      'resources.ulimits',
    ],
    [
      'another amount of one that was asked for and is also added',
      { resources: { ...resources, ulimits: resources.ulimits.map((each) => ({ ...each, hard: 7 })) } },
      'resources.ulimits',
    ],
  ])('does not take %s', (_, found, field) => {
    const differences = attest(spec, image, { ...infoOf(spec), applied: { ...faithful, ...found } });
    expect(differences.map((each) => each.field)).toEqual([field]);
  });

  it('leaves what nobody asked for to the engine: its runtime and its platform', () => {
    const asked = hardenedSpec();
    const applied = { ...appliedOf(asked, image, 'crun'), operatingSystem: '' };
    expect(attest(asked, image, { ...infoOf(asked), applied })).toEqual([]);
  });

  it.each<[string, Partial<ContainerSpec>, Partial<AppliedSpec>]>([
    [
      'the image’s entry point and command',
      { entryPoint: null, command: null },
      { entryPoint: ['/entry'], command: ['serve'] },
    ],
    [
      'the image’s entry point with another command',
      { entryPoint: null, command: ['x'] },
      { entryPoint: ['/entry'], command: ['x'] },
    ],
    [
      'no command of the image beside another entry point',
      { entryPoint: ['sh'], command: null },
      { entryPoint: ['sh'], command: [] },
    ],
    [
      'the command of the image with its entry point cleared',
      { entryPoint: [], command: null },
      { entryPoint: [], command: ['serve'] },
    ],
  ])('expects %s', (_, asked, found) => {
    const own = hardenedSpec(asked);
    const applied = appliedOf(own, image, 'runc');
    expect(applied).toMatchObject(found);
    expect(attest(own, image, { ...infoOf(own), applied: { ...applied, ...found } })).toEqual([]);
  });
});
