/** How many networks fit between those that are there. */
import { expect, it } from 'vitest';
import { countFreeNetworks, DOCKER_POOLS } from '../../src/doctor/address-pools.js';

it.each([
  ['nothing is taken', [], 31],
  ['the default bridge is there', ['172.17.0.0/16'], 30],
  ['a network of a wide pool is there', ['172.17.0.0/16', '172.21.0.0/16'], 29],
  ['a network is smaller than a place', ['192.168.16.0/24', '192.168.17.0/24'], 30],
  ['a network is wider than a pool', ['172.16.0.0/12'], 16],
  ['a network lies elsewhere', ['10.0.0.0/8', '172.16.0.0/16', '192.169.0.0/16'], 31],
  ['all is taken', ['0.0.0.0/0'], 0],
  ['what is there is no IPv4', ['fd00::/64', '', 'x', '300.1.1.1/16', '10.0.0.0/33'], 31],
])('where %s', (_, subnets, free) => {
  expect(countFreeNetworks(DOCKER_POOLS, subnets)).toBe(free);
});

it('counts places of pools that are cut fine without looking at each', () => {
  const pools = [{ base: '10.0.0.0/8', size: 30 }];
  expect(countFreeNetworks(pools, ['10.1.0.0/24'])).toBe(2 ** 22 - 64);
  expect(countFreeNetworks([{ base: 'fd00::/8', size: 64 }], [])).toBe(0);
});
