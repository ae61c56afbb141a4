/** What a runtime's runs share to have their images: pulls, and what registries are logged in to with. Runs nothing. */
import type { RuntimeConfig } from './config/runtime-config.js';
import type { EngineSource } from './engine-source.js';
import { createImagePulls } from './execute/image-pulls.js';
import type { RunEnvironment } from './run-context.js';
import type { ResolvedPorts } from './runtime-ports.js';

/** What that depends on. */
export interface RuntimeImagesParts {
  readonly config: () => RuntimeConfig;
  readonly ports: Pick<ResolvedPorts, 'clock' | 'random'>;
  readonly source: EngineSource;
}

/** Makes it; no pull is under way. */
export function createRuntimeImages({
  config,
  ports,
  source,
}: RuntimeImagesParts): Pick<RunEnvironment, 'pulls' | 'registryAuth'> {
  const { clock, random } = ports;
  return {
    registryAuth: source.registryAuth,
    pulls: createImagePulls({
      idleMs: () => config().images.pullIdleMs,
      pause: async (milliseconds, signal) => clock.pause(milliseconds, signal),
      random,
    }),
  };
}
