/** `engineConformance`: the contract of the `ContainerEngine` port as cases for any test runner. It tests no policy and no image. */
import { DEFAULT_TIMEOUT_MS, type ConformanceCase, type ConformanceOptions } from './conformance-case.js';
import { APPLIED_CASES } from './engine-applied-cases.js';
import { BUILD_CASES } from './engine-build-cases.js';
import { CONTAINER_CASES } from './engine-container-cases.js';
import { CONTROL_CASES } from './engine-control-cases.js';
import { EVENT_CASES } from './engine-event-cases.js';
import { IMAGE_CASES } from './engine-image-cases.js';
import { LIFECYCLE_CASES } from './engine-lifecycle-cases.js';
import { OUTPUT_CASES } from './engine-output-cases.js';
import { STATS_CASES } from './engine-stats-cases.js';
import { SYSTEM_CASES } from './engine-system-cases.js';
import { VOLUME_CASES } from './engine-volume-cases.js';
import { VOLUME_USE_CASES } from './engine-volume-use-cases.js';
import { WRITTEN_CASES } from './engine-written-cases.js';
import { createEngineTrial, type EngineUnderTest } from './engine-trial.js';

const CASES = [
  ...LIFECYCLE_CASES,
  ...OUTPUT_CASES,
  ...CONTROL_CASES,
  ...CONTAINER_CASES,
  ...APPLIED_CASES,
  ...STATS_CASES,
  ...WRITTEN_CASES,
  ...EVENT_CASES,
  ...IMAGE_CASES,
  ...VOLUME_CASES,
  ...VOLUME_USE_CASES,
  ...BUILD_CASES,
  ...SYSTEM_CASES,
];

/**
 * The cases an engine has to pass. Each makes an engine of its own, removes its containers, closes the engine and calls `cleanup`, and
 * none depends on another. They need `sh`, `seq`, `cat`, `id`, `grep`, `printf` and `sleep` in the image, and no network.
 *
 * @example
 * ```ts
 * const make = () => Promise.resolve({ engine: myEngine(), image: 'busybox:1' });
 * for (const { name, run } of engineConformance(make)) it(name, run);
 * ```
 */
export function engineConformance(
  make: () => Promise<EngineUnderTest>,
  { timeoutMs = DEFAULT_TIMEOUT_MS }: ConformanceOptions = {},
): readonly ConformanceCase[] {
  return CASES.map(({ name, body }) => ({
    name,
    async run() {
      const subject = await make();
      try {
        const { trial, tearDown } = await createEngineTrial(subject, timeoutMs);
        try {
          await body(trial);
        } finally {
          await tearDown();
        }
      } finally {
        await subject.cleanup?.();
      }
    },
  }));
}
