/** What a runtime has to do with images: what its runs share to have theirs, and `runtime.images`. Runs nothing. */
import type { RuntimeConfig } from './config/runtime-config.js';
import type { EngineSource } from './engine-source.js';
import type { RuntimeError } from './errors.js';
import { createImagePulls } from './execute/image-pulls.js';
import { createImageFacet, type RuntimeImages } from './images/image-facet.js';
import type { RunEnvironment } from './run-context.js';
import type { ResolvedPorts } from './runtime-ports.js';

/** What that depends on. */
export interface ImagesParts {
  readonly config: () => RuntimeConfig;
  readonly ports: Pick<ResolvedPorts, 'clock' | 'random' | 'resolveRegistryAuth'>;
  readonly source: EngineSource;
  /** Why nothing is done any more; null: it is. */
  readonly refusal: () => RuntimeError | null;
}

/** Makes both; no pull is under way. */
export function createImages({ config, ports, source, refusal }: ImagesParts): {
  readonly forRuns: Pick<RunEnvironment, 'pulls' | 'registryAuth'>;
  readonly facet: RuntimeImages;
} {
  const { clock, random, resolveRegistryAuth } = ports;
  const { registryAuth } = source;
  const pulls = createImagePulls({
    idleMs: () => config().images.pullIdleMs,
    pause: async (milliseconds, signal) => clock.pause(milliseconds, signal),
    random,
  });
  const facet = createImageFacet({
    config,
    engine: async () => {
      const refused = refusal();
      if (refused !== null) throw refused;
      return source.get();
    },
    pulls,
    auth: { resolver: resolveRegistryAuth, ambient: registryAuth },
    monotonic: () => clock.monotonic(),
  });
  return { forRuns: { pulls, registryAuth }, facet };
}
