/** What an engine's words and the measurements mean: what is not told is not checked, and what is to be mended has a remedy. */
import type { DoctorCheck, EngineInfo } from 'berthkit';
import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../src/config/parse.js';
import {
  addressPoolsCheck,
  clockCheck,
  diskCheck,
  engineDiskCheck,
  endpointCheck,
  engineChecks,
  imagesCheck,
  transportCheck,
  unreachableChecks,
} from '../../src/doctor/engine-checks.js';

const INFO: EngineInfo = {
  name: 'docker',
  version: '26.1.5',
  apiVersion: '1.45',
  operatingSystem: 'linux',
  architecture: 'amd64',
  runtimes: ['runc'],
  showsGpu: false,
  cpus: 2,
  memoryBytes: 1024,
  limitsSwap: true,
  liveRestore: true,
  volumeSubpaths: true,
  system: {
    cgroupVersion: '2',
    storageDriver: 'overlay2',
    securityOptions: ['name=seccomp,profile=builtin'],
    time: '2026-01-02T03:04:05Z',
    addressPools: null,
  },
};
const statusesOf = (checks: readonly DoctorCheck[]): Readonly<Record<string, string>> =>
  Object.fromEntries(checks.map(({ check, status }) => [check, status]));
const looked = (changes: Partial<EngineInfo>, policy: object = {}): Readonly<Record<string, string>> =>
  statusesOf(engineChecks({ ...INFO, ...changes }, parsePolicy(policy)));
const system = (changes: Partial<EngineInfo['system']>): Partial<EngineInfo> => ({
  ...(INFO.system === undefined ? {} : { system: { ...INFO.system, ...changes } }),
});

const WELL = {
  engine: 'ok',
  control_groups: 'ok',
  storage_driver: 'ok',
  live_restore: 'ok',
  security_options: 'ok',
  runtimes: 'ok',
  gpus: 'ok',
};

describe('what an engine says', () => {
  it('is well where it is', () => {
    expect(looked({})).toEqual(WELL);
  });

  it.each<[string, Partial<EngineInfo>, object, Partial<typeof WELL> | Record<string, string>]>([
    ['swap cannot be limited', { limitsSwap: false }, {}, { control_groups: 'warning' }],
    ['a restart ends containers', { liveRestore: false }, {}, { live_restore: 'warning' }],
    ['live-restore is not told', { liveRestore: null }, {}, { live_restore: 'not_checked' }],
    [
      'there is no seccomp',
      system({ securityOptions: ['name=apparmor'] }),
      {},
      { security_options: 'warning' },
    ],
    [
      'seccomp is off',
      system({ securityOptions: ['name=seccomp,profile=unconfined'] }),
      {},
      { security_options: 'warning' },
    ],
    ['jobs want a runtime it has not', {}, { security: { runtime: 'runsc' } }, { runtimes: 'failed' }],
    ['jobs may have a GPU and there is none', {}, { gpu: { enabled: true } }, { gpus: 'warning' }],
    [
      'jobs may have a GPU and the engine gives none',
      { showsGpu: true, gaps: ['gpus'] },
      { gpu: { enabled: true } },
      { gpus: 'warning' },
    ],
    ['the engine gives no GPU and no job may have one', { gaps: ['gpus'] }, {}, {}],
    ['there is a GPU', { showsGpu: true }, { gpu: { enabled: true } }, {}],
    ['it cannot tell of GPUs', { showsGpu: undefined }, { gpu: { enabled: true } }, { gpus: 'not_checked' }],
    [
      'it tells nothing of the system',
      { system: undefined },
      {},
      { control_groups: 'not_checked', storage_driver: 'not_checked', security_options: 'not_checked' },
    ],
  ])('where %s', (_, changes, policy, expected) => {
    expect(looked(changes, policy)).toEqual({ ...WELL, ...expected });
  });

  it('is nothing where it cannot be reached', () => {
    const checks = unreachableChecks('no answer', 'start it');
    expect(checks[0]).toEqual({
      check: 'engine',
      status: 'failed',
      message: 'no answer',
      remedy: 'start it',
    });
    expect(new Set(checks.slice(1).map(({ status }) => status))).toEqual(new Set(['not_checked']));
    const told = [...Object.keys(WELL), 'clock', 'address_pools'];
    expect(checks.map(({ check }) => check).sort()).toEqual(told.sort());
  });
});

const SEEN = { proven: true } as const;
const UNSEEN = { proven: false, wasTried: true, problem: 'not seen' } as const;
const UNTRIED = { proven: false, wasTried: false, problem: 'no image' } as const;

it.each<[DoctorCheck, DoctorCheck['status']]>([
  [endpointCheck({ host: 'unix:///x', from: 'option' }), 'ok'],
  [endpointCheck(null), 'not_checked'],
  [clockCheck(5_000, 0), 'ok'],
  [clockCheck(-6_000, 1_500), 'ok'],
  [clockCheck(-6_000, 500), 'warning'],
  [clockCheck(null, 0), 'not_checked'],
  [diskCheck(1, '/root', null), 'ok'],
  [diskCheck(1, '/root', 'too little'), 'failed'],
  [diskCheck(null, '/root', null), 'not_checked'],
  [engineDiskCheck(10, 10), 'ok'],
  [engineDiskCheck(9, 10), 'warning'],
  [engineDiskCheck(null, 10), 'not_checked'],
  [addressPoolsCheck(5, ''), 'ok'],
  [addressPoolsCheck(4, ''), 'warning'],
  [addressPoolsCheck(null, 'it does not tell'), 'not_checked'],
  [imagesCheck(parsePolicy({})), 'warning'],
  [imagesCheck(parsePolicy({ images: { allow: ['busybox:*'] } })), 'ok'],
  [transportCheck({ bind: SEEN, volume: null }), 'ok'],
  [transportCheck({ bind: UNSEEN, volume: null }), 'failed'],
  [transportCheck({ bind: UNSEEN, volume: SEEN }), 'ok'],
  [transportCheck({ bind: UNSEEN, volume: UNSEEN }), 'failed'],
  [transportCheck({ bind: UNSEEN, volume: UNTRIED }), 'not_checked'],
  [transportCheck({ bind: UNTRIED, volume: null }), 'not_checked'],
  [transportCheck({ bind: null, volume: SEEN }), 'ok'],
  [transportCheck({ bind: null, volume: { ...SEEN, untold: 'why' } }), 'warning'],
  [transportCheck({ bind: null, volume: UNSEEN }), 'failed'],
  [transportCheck({ bind: null, volume: UNTRIED }), 'not_checked'],
])('$check $message', (check, status) => {
  expect(check.status).toBe(status);
  expect(check.message).not.toBe('');
  expect(check.remedy === null).toBe(status === 'ok' || status === 'not_checked');
});
