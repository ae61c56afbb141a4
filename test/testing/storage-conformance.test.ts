/** The storage adapters of ours keep the contract of the port. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesystemStorage } from '../../src/storage/filesystem.js';
import { memoryStorage } from '../../src/storage/memory.js';
import { storageConformance, type StorageUnderTest } from '../../src/testing/index.js';
import { simpleStorage } from './simple-storage.js';

const makers: readonly [string, () => Promise<StorageUnderTest>][] = [
  ['the memory storage', () => Promise.resolve({ storage: memoryStorage() })],
  [
    'the filesystem storage',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'berthkit-storage-'));
      const cleanup = () => rm(folder, { recursive: true, force: true });
      return { storage: filesystemStorage(folder), cleanup };
    },
  ],
  ['the storage that is mutated in another test', () => Promise.resolve({ storage: simpleStorage() })],
];

describe.each(makers)('storageConformance on %s', (_, make) => {
  it.each(storageConformance(make))('$name', async ({ run }) => run());
});

it('has cases, each with a name of its own', () => {
  const cases = storageConformance(() => Promise.resolve({ storage: memoryStorage() }));
  expect(cases.length).toBeGreaterThanOrEqual(18);
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
});
