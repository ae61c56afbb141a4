/** `storageConformance`: the contract of the `StorageAdapter` port as cases for any test runner. */
import { DEFAULT_TIMEOUT_MS, type ConformanceCase, type ConformanceOptions } from './conformance-case.js';
import { COPY_CASES } from './storage-copy-cases.js';
import { READ_CASES } from './storage-read-cases.js';
import { TRANSACTION_CASES } from './storage-transaction-cases.js';
import { createStorageTrial, type StorageUnderTest } from './storage-trial.js';
import { WRITE_CASES } from './storage-write-cases.js';

/**
 * The cases a storage adapter has to pass. Each makes a storage of its own, works in a new folder of it, and calls `cleanup`. What a case
 * wrote stays. Cases about `begin`, `remove` and `copyTo` pass where an adapter has none.
 *
 * @example
 * ```ts
 * const make = () => Promise.resolve({ storage: myStorage() });
 * for (const { name, run } of storageConformance(make)) it(name, run);
 * ```
 */
export function storageConformance(
  make: () => Promise<StorageUnderTest>,
  { timeoutMs = DEFAULT_TIMEOUT_MS }: ConformanceOptions = {},
): readonly ConformanceCase[] {
  return [...READ_CASES, ...COPY_CASES, ...WRITE_CASES, ...TRANSACTION_CASES].map(({ name, body }) => ({
    name,
    async run() {
      const subject = await make();
      try {
        await body(createStorageTrial(subject.storage, timeoutMs));
      } finally {
        await subject.cleanup?.();
      }
    },
  }));
}
