/** How many networks an engine can still make, by the addresses that are taken. Pure arithmetic on IPv4. */
import type { AddressPool } from '../engine/types.js';

/** What Docker cuts networks from where nothing is configured (moby: libnetwork/ipamutils). */
export const DOCKER_POOLS: readonly AddressPool[] = [
  { base: '172.17.0.0/16', size: 16 },
  { base: '172.18.0.0/16', size: 16 },
  { base: '172.19.0.0/16', size: 16 },
  { base: '172.20.0.0/14', size: 16 },
  { base: '172.24.0.0/14', size: 16 },
  { base: '172.28.0.0/14', size: 16 },
  { base: '192.168.0.0/16', size: 20 },
];

interface Range {
  readonly first: number;
  readonly last: number;
}

/** Networks within the pools that touch none of the subnets; what cannot be read as IPv4 counts for nothing. */
export function countFreeNetworks(pools: readonly AddressPool[], subnets: readonly string[]): number {
  const taken = subnets.flatMap((subnet) => rangeOf(subnet) ?? []);
  return pools.reduce((sum, pool) => sum + freeIn(pool, taken), 0);
}

function freeIn({ base, size }: AddressPool, taken: readonly Range[]): number {
  const pool = rangeOf(base);
  if (pool === null || !Number.isInteger(size) || size < 1 || size > 32) return 0;
  const step = 2 ** (32 - size);
  const count = Math.floor((pool.last - pool.first + 1) / step);
  // Subnets are few and pools may be cut into millions: the taken places are counted, not the free ones.
  const places = new Set<number>();
  let whole = false;
  for (const { first, last } of taken) {
    const from = Math.max(0, Math.floor((first - pool.first) / step));
    const to = Math.min(count - 1, Math.floor((last - pool.first) / step));
    if (from === 0 && to === count - 1) whole = true;
    else if (last >= pool.first) for (let place = from; place <= to; place += 1) places.add(place);
  }
  return whole ? 0 : count - places.size;
}

function rangeOf(subnet: string): Range | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(subnet);
  if (match === null) return null;
  const [a = 0, b = 0, c = 0, d = 0, bits = 33] = match.slice(1).map(Number);
  if ([a, b, c, d].some((part) => part > 255) || bits > 32) return null;
  const size = 2 ** (32 - bits);
  const address = ((a * 256 + b) * 256 + c) * 256 + d;
  const first = address - (address % size);
  return { first, last: first + size - 1 };
}
