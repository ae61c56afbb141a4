/** Which limits a container was promised, and which all under a policy are. */
import { expect, it } from 'vitest';
import { limitsOfContainer, limitsOfPolicy } from '../../src/doctor/demanded-limits.js';
import { ENFORCED_LIMITS } from '../../src/base/enforced-limits.js';
import { parsePolicy } from '../../src/config/parse.js';
import { hardenedSpec } from '../engine/docker/specs.js';

const ALWAYS = ['memory', 'pids', 'cpu', 'shm_size', 'capabilities'];
const TMPFS = { target: '/tmp', sizeBytes: 1, inodes: 1, uid: 1, gid: 1, mode: '0700', exec: true };

it('a hardened container was promised all of them', () => {
  expect([...limitsOfContainer(hardenedSpec({ tmpfs: [TMPFS] }))].sort()).toEqual(
    [...ENFORCED_LIMITS].sort(),
  );
});

it('what an operator relaxed was not promised', () => {
  const spec = hardenedSpec();
  const relaxed = hardenedSpec({
    readOnlyRootFilesystem: false,
    noNewPrivileges: false,
    networkMode: 'bridge',
    resources: { ...spec.resources, ulimits: [] },
  });
  expect(limitsOfContainer(relaxed)).toEqual(ALWAYS);
  const policy = parsePolicy({
    network: { enforceIsolation: false },
    security: { readOnlyRootFilesystem: false, noNewPrivileges: false },
    limits: { default: { ulimits: [] } },
  });
  expect(limitsOfPolicy(policy)).toEqual([...ALWAYS, 'tmpfs_size']);
});

it('no job under the default policy can do without any', () => {
  expect([...limitsOfPolicy(parsePolicy({}))].sort()).toEqual([...ENFORCED_LIMITS].sort());
});
