/** `runStoreConformance`: the contract of the `RunStore` port as cases for any test runner. */
import {
  DEFAULT_TIMEOUT_MS,
  within,
  type ConformanceCase,
  type ConformanceOptions,
} from './conformance-case.js';
import { RUN_STORE_CANCEL_CASES } from './run-store-cancel-cases.js';
import { RUN_STORE_TAKING_CASES } from './run-store-taking-cases.js';
import { RUN_STORE_CLAIM_CASES } from './run-store-claim-cases.js';
import { RUN_STORE_LIFE_CASES } from './run-store-life-cases.js';
import { createRunStoreTrial, type RunStoreUnderTest } from './run-store-trial.js';

/**
 * The cases a run store has to pass. Each makes a store of its own and uses ids, keys and an instance of its own, but forgets whatever is old in it.
 *
 * @example
 * ```ts
 * const make = () => Promise.resolve({ store: myRunStore() });
 * for (const { name, run } of runStoreConformance(make)) it(name, run);
 * ```
 */
export function runStoreConformance(
  make: () => Promise<RunStoreUnderTest>,
  { timeoutMs = DEFAULT_TIMEOUT_MS }: ConformanceOptions = {},
): readonly ConformanceCase[] {
  return [
    ...RUN_STORE_CLAIM_CASES,
    ...RUN_STORE_LIFE_CASES,
    ...RUN_STORE_CANCEL_CASES,
    ...RUN_STORE_TAKING_CASES,
  ].map(({ name, body }) => ({
    name,
    async run() {
      const subject = await make();
      try {
        await within(timeoutMs, name, body(createRunStoreTrial(subject)));
      } finally {
        await subject.cleanup?.();
      }
    },
  }));
}
