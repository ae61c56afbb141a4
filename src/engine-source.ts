/** Where the runtime's engine comes from: the given one, or Docker, made at first use. */
import type { RuntimeConfig } from './config/runtime-config.js';
import { dockerClientProxies } from './engine/docker/client-proxies.js';
import { dockerEngine } from './engine/docker/docker-engine.js';
import { resolveEndpoint } from './engine/docker/endpoint.js';
import { dockerRegistryAuth } from './engine/docker/registry-auth.js';
import type { ContainerEngine } from './engine/types.js';
import type { RunEnvironment } from './run-context.js';
import type { RegistryAuthResolver } from './secrets/types.js';

/** Hands out one engine for a runtime's whole life. */
export interface EngineSource {
  get(): Promise<ContainerEngine>;
  /** The same where it is there already; null: nobody has asked for it yet. */
  known(): ContainerEngine | null;
  /** What Docker's own client is logged in to; absent beside a given engine, and where the configuration says so. */
  readonly registryAuth: RegistryAuthResolver | undefined;
  /** What Docker's own client is told of proxies. Only for a configuration that says so. */
  readonly dockerProxies: RunEnvironment['dockerProxies'];
  /** Closes the engine if it was made here. */
  close(): Promise<void>;
}

/**
 * A given engine belongs to the caller and is never closed here. Otherwise the endpoint is the configured host or, read at first use, `DOCKER_HOST`
 * or the usual socket, and registries are logged in to as Docker's client does: the one place where the runtime looks at the environment by itself.
 */
export function createEngineSource(
  given: ContainerEngine | undefined,
  { engine: configured, images }: Pick<RuntimeConfig, 'engine' | 'images'>,
): EngineSource {
  let made: Promise<ContainerEngine> | null = null;
  let known = given ?? null;
  const make = async (): Promise<ContainerEngine> =>
    // eslint-disable-next-line no-restricted-globals -- the documented exception: DOCKER_* at first use, without an engine or host
    dockerEngine(await resolveEndpoint(process.env, { host: configured.host, tls: configured.tls }));
  return {
    registryAuth:
      given !== undefined || !images.dockerCredentials
        ? undefined
        : // eslint-disable-next-line no-restricted-globals -- the documented exception: DOCKER_AUTH_CONFIG and DOCKER_CONFIG, at a pull
          async (request) => dockerRegistryAuth(process.env)(request),
    // eslint-disable-next-line no-restricted-globals -- the operator asked for it: DOCKER_CONFIG, before a container is made
    dockerProxies: async (host) => dockerClientProxies(process.env, host),
    async get() {
      if (given !== undefined) return given;
      const making = (made ??= make());
      try {
        return (known = await making);
      } catch (error) {
        // The next to ask looks again: an engine may have been started meanwhile.
        if (made === making) made = null;
        throw error;
      }
    },
    known: () => known,
    async close() {
      // One that could not be made has nothing to close.
      const engine = await made?.catch(() => null);
      await engine?.close();
    },
  };
}
