import { expect, it } from 'vitest';
import { configFromEnv } from '../../src/config/environment.js';
import { mergeLayers } from '../../src/config/merge.js';
import { plainCopy } from '../../src/job/plain-copy.js';

it('keeps no class instance and calls no method of a stranger', () => {
  class Stranger {
    readonly value = 1;
  }
  const list = Object.assign([1, 2], { map: () => 'called' });
  const copy = plainCopy({ instance: new Stranger(), list }) as { instance: unknown; list: unknown };
  expect(typeof copy.instance).toBe('symbol');
  expect(copy.list).toEqual([1, 2]);
});

it('counts keys before it walks them', () => {
  const many = Object.fromEntries(Array.from({ length: 100_001 }, (_, index) => [`k${String(index)}`, 1]));
  expect(() => plainCopy(many)).toThrow(/100000 values/);
});

it('comes to an end with layers that hold themselves', () => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  expect(mergeLayers(cycle, cycle)).toHaveProperty('self');
});

it('takes only a bare 0 for no limit', () => {
  expect(configFromEnv({ CATALOG_DOCKER_MAX_WORKSPACE_BYTES: '0' })).toMatchObject({
    maxWorkspaceBytes: null,
  });
  expect(() => configFromEnv({ CATALOG_DOCKER_MAX_WORKSPACE_BYTES: '0k' })).toThrow(/at least 1 byte/);
});
