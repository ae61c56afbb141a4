/** Where the runtime's engine comes from: the given one, or Docker, made at first use. */
import { dockerEngine } from './engine/docker/docker-engine.js';
import { resolveEndpoint } from './engine/docker/endpoint.js';
import type { ContainerEngine } from './engine/types.js';

/** Hands out one engine for a runtime's whole life. */
export interface EngineSource {
  get(): Promise<ContainerEngine>;
  /** Closes the engine if it was made here. */
  close(): Promise<void>;
}

/**
 * A given engine belongs to the caller and is never closed here. Otherwise the endpoint is the configured host or, read at first use, `DOCKER_HOST`
 * or the usual socket: the one place where the runtime looks at the environment by itself.
 */
export function createEngineSource(given: ContainerEngine | undefined, host: string | null): EngineSource {
  let made: ContainerEngine | null = null;
  const make = (): ContainerEngine =>
    // eslint-disable-next-line no-restricted-globals -- the documented exception: DOCKER_* at first use, without an engine or host
    dockerEngine({ host: host ?? resolveEndpoint(process.env).host });
  return {
    // eslint-disable-next-line @typescript-eslint/require-await -- a promise, so that a bad endpoint is a rejection and not a throw
    async get() {
      made ??= given ?? make();
      return made;
    },
    async close() {
      if (given === undefined) await made?.close();
    },
  };
}
