/** An owner counts as dead by its process, by a restart of its machine, or, where the operator says so, by a lease it no longer renews. */
import process from 'node:process';
import { describe, expect, it } from 'vitest';
import { processOwner } from '../../src/host/process-identity.js';
import { createLeaseWatch } from '../../src/recovery/judge-owner.js';
import type { OwnerLease } from '../../src/run-store/types.js';
import { deadOwner, startChildOwner } from '../host/child-owner.js';

const self = processOwner(process.pid);
const [boot = '', ...rest] = self.split('.');
const otherBoot = [boot.replace(/^./, (digit) => (digit === '0' ? '1' : '0')), ...rest].join('.');
const otherNamespace = self.replace(/^([^.]+)\.\d+/, '$1.1');

function lease(owner: string, renewals = 1, machine: string | null = 'm'): OwnerLease {
  return { instance: 'here', owner, machine, renewals, renewedAt: '2026-01-01T00:00:00.000Z' };
}
function watch(leaseExpiryMs: number | null, machine: string | null = 'm') {
  const clock = { nowMs: 0 };
  const leases = createLeaseWatch({ self, machine, leaseExpiryMs, monotonic: () => clock.nowMs });
  return { clock, leases };
}

describe('an owner', () => {
  it('of this machine before its restart is dead', () => {
    const judge = watch(null).leases.look([lease(otherBoot)]);
    expect(judge(otherBoot)).toMatchObject({
      state: 'dead',
      proof: expect.stringContaining('restarted') as string,
    });
  });

  it.each([
    ['another machine', 'm', 'n'],
    ['a machine that does not tell', 'm', null],
    ['any machine, for one that does not tell its own', null, null],
  ])('of an earlier boot of %s is not', (_, ours, theirs) => {
    expect(watch(null, ours).leases.look([lease(otherBoot, 1, theirs)])(otherBoot).state).toBe('unknown');
  });

  it('without a lease, or written in another way, is not', () => {
    const judge = watch(1).leases.look([lease('other')]);
    expect([judge(otherBoot).state, judge('other').state]).toEqual(['unknown', 'unknown']);
  });

  it('in another pid namespace is dead when its lease was not renewed for so long between two looks', () => {
    const { clock, leases } = watch(1_000);
    expect(leases.look([lease(otherNamespace)])(otherNamespace).state).toBe('unknown');
    clock.nowMs = 999;
    expect(leases.look([lease(otherNamespace)])(otherNamespace).state).toBe('unknown');
    clock.nowMs = 1_000;
    expect(leases.look([lease(otherNamespace)])(otherNamespace)).toEqual({
      state: 'dead',
      isPresumed: true,
      proof: 'its owner has not renewed its lease for 1000 ms, last at 2026-01-01T00:00:00.000Z',
    });
    expect(leases.look([lease(otherNamespace, 2)])(otherNamespace).state).toBe('unknown');
  });

  it('is never dead by its lease unless the operator says so', () => {
    const { clock, leases } = watch(null);
    leases.look([lease(otherNamespace)]);
    clock.nowMs = 1e12;
    expect(leases.look([lease(otherNamespace)])(otherNamespace).state).toBe('unknown');
  });

  it('whose process the kernel shows is judged by that alone', async () => {
    const { owner: alive, end } = await startChildOwner();
    const dead = await deadOwner();
    const { clock, leases } = watch(1_000);
    const all = [lease(alive), lease(dead), lease(self)];
    leases.look(all);
    clock.nowMs = 1e6;
    const judge = leases.look(all);
    expect([alive, dead, self].map((owner) => judge(owner).state)).toEqual(['alive', 'dead', 'self']);
    await end();
  });
});
