/** The run stores of ours keep the contract of the port. */
import { describe, expect, it } from 'vitest';
import { fileRunStore } from '../../src/run-store/file.js';
import { memoryRunStore } from '../../src/run-store/memory.js';
import { runStoreConformance, type RunStoreUnderTest } from '../../src/testing/index.js';
import { scratch } from '../host/scratch.js';
import { simpleRunStore } from './simple-run-store.js';

const makers: readonly [string, () => Promise<RunStoreUnderTest>][] = [
  ['the memory store', () => Promise.resolve({ store: memoryRunStore() })],
  [
    'the file store',
    async () => {
      const folder = await scratch();
      return { store: fileRunStore(folder), other: fileRunStore(folder) };
    },
  ],
  ['the store that is mutated in another test', () => Promise.resolve({ store: simpleRunStore() })],
];

describe.each(makers)('runStoreConformance on %s', (_, make) => {
  it.each(runStoreConformance(make))('$name', async ({ run }) => run());
});

it('has cases, each with a name of its own', () => {
  const cases = runStoreConformance(() => Promise.resolve({ store: memoryRunStore() }));
  expect(cases.length).toBeGreaterThanOrEqual(16);
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
});
