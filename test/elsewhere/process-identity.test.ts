/** Who a process is on a system other than Linux: never another one that has its pid. */
import { expect, it } from 'vitest';
import { ownerState, processOwner } from '../../src/host/process-identity.js';

it('is known by its pid and when it began, and by nothing else', () => {
  const owner = processOwner(7);
  expect(owner).toMatch(/^unknown\.unknown\.7\.\d{13}$/);
  expect(processOwner(7)).toBe(owner);
  expect(ownerState(owner, owner).state).toBe('self');
});

it('is not taken for one that had its pid before', () => {
  expect(ownerState('unknown.unknown.7.1000000000000', processOwner(7)).state).toBe('unknown');
});
