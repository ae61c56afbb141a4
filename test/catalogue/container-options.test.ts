/** What the author of a job might ask of an engine for its container: nothing beyond a short list of knobs can be said at all. */
import type { FakeExit, FakeJob } from 'berthkit/testing';
import { describe, expect, it } from 'vitest';
import { refusalOf, trial } from './fixture.js';

const IMAGE = 'busybox:1';

/** By the engine's own names; what each would open stands beside it. */
const OPTIONS: readonly (readonly [name: string, value: unknown])[] = [
  ['Privileged', true],
  ['CapAdd', ['SYS_ADMIN', 'SYS_PTRACE', 'NET_ADMIN', 'DAC_READ_SEARCH']],
  ['CapDrop', []],
  ['Devices', [{ PathOnHost: '/dev/sda', PathInContainer: '/dev/sda', CgroupPermissions: 'rwm' }]],
  ['DeviceCgroupRules', ['c *:* rwm']],
  ['DeviceRequests', [{ Count: -1, Capabilities: [['gpu']] }]],
  ['PidMode', 'host'],
  ['IpcMode', 'host'],
  ['IpcMode', 'container:other'],
  ['IpcMode', 'shareable'],
  ['UTSMode', 'host'],
  ['UsernsMode', 'host'],
  ['CgroupnsMode', 'host'],
  ['CgroupParent', '/'],
  ['SecurityOpt', ['seccomp=unconfined', 'apparmor=unconfined', 'label=disable', 'systempaths=unconfined']],
  ['VolumesFrom', ['other']],
  ['Binds', ['/:/host']],
  ['Mounts', [{ Type: 'bind', Source: '/', Target: '/host' }]],
  ['Volumes', { '/data': {} }],
  ['Links', ['other:alias']],
  ['ExtraHosts', ['host:host-gateway']],
  ['Dns', ['10.0.0.1']],
  ['Sysctls', { 'net.ipv4.ip_forward': '1' }],
  ['OomKillDisable', true],
  ['OomScoreAdj', -1000],
  ['MaskedPaths', []],
  ['ReadonlyPaths', []],
  ['Runtime', 'other'],
  ['LogConfig', { Type: 'none' }],
  ['RestartPolicy', { Name: 'always' }],
  ['PublishAllPorts', true],
  ['PortBindings', { '80/tcp': [{ HostPort: '80' }] }],
  ['ExposedPorts', { '80/tcp': {} }],
  ['NetworkingConfig', { EndpointsConfig: { bridge: {} } }],
  ['AutoRemove', true],
  ['Init', false],
  ['Isolation', 'process'],
  ['StorageOpt', { size: '1T' }],
  ['ReadonlyRootfs', false],
  ['Tty', true],
  ['Healthcheck', { Test: ['CMD', 'true'] }],
  ['Labels', { 'berthkit.managed': 'true' }],
  ['HostConfig', { Privileged: true }],
];

const lowerFirst = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);

describe('a definition that asks for', () => {
  it.each(OPTIONS)('%s %j is refused, in either spelling, and among its resources', async (name, value) => {
    for (const key of [name, lowerFirst(name)]) {
      const beside = await refusalOf({ docker: { image: IMAGE, [key]: value } });
      expect(beside.code).toBe('validation.invalid_job');
      expect(beside.paths.every((path) => path.startsWith(`docker.${key}`))).toBe(true);
      const within = await refusalOf({ docker: { image: IMAGE, resources: { [key]: value } } });
      expect(within.paths.every((path) => path.startsWith(`docker.resources.${key}`))).toBe(true);
    }
  });

  it.each([
    'host',
    'HOST',
    ' none',
    'none ',
    'None',
    'default',
    'container:0123456789ab',
    'ns:/proc/1/ns/net',
    'my-network',
    '',
    'f'.repeat(64),
  ])('the network %j is refused, also where others may be asked for', async (networkMode) => {
    const network = {
      enforceIsolation: false,
      allowOverride: true,
      allowedModes: ['none', 'bridge'] as const,
    };
    const { paths } = await refusalOf({ docker: { image: IMAGE, networkMode } }, { policy: { network } });
    expect(paths).toEqual(['docker.networkMode']);
  });

  it.each(['true', 'yes', 1, {}, [true]])(
    'a GPU by %j is refused: it takes true or false',
    async (requiresGpu) => {
      const { paths } = await refusalOf(
        { docker: { image: IMAGE, requiresGpu } },
        { policy: { gpu: { enabled: true } } },
      );
      expect(paths).toEqual(['docker.requiresGpu']);
    },
  );

  it.each([
    '0',
    '0:0',
    '1000:0',
    '00',
    '+0',
    'root',
    'nobody',
    '',
    '1000:root',
    '-1',
    '2147483648',
    '1:4294967296',
  ])('the user %j is refused', async (user) => {
    const { paths } = await refusalOf({ docker: { image: IMAGE, user } });
    expect(paths).toEqual(['docker.user']);
  });
});

it('a network asked for under isolation is refused, and one that is not asked for is none', async () => {
  expect((await refusalOf({ docker: { image: IMAGE, networkMode: 'bridge' } })).paths).toEqual([
    'docker.networkMode',
  ]);
  const networks: string[] = [];
  const run = async ({ spec }: FakeJob): Promise<FakeExit> => {
    networks.push(spec.networkMode);
    return Promise.resolve({ exitCode: 0 });
  };
  const { outcome } = await trial({ docker: { image: IMAGE } }, { script: { run } });
  expect(outcome).toMatchObject({ status: 'succeeded', decision: { networkMode: 'none' } });
  expect(networks).toEqual(['none']);
});
