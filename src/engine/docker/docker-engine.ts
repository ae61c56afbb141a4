/** The `ContainerEngine` for Docker and what speaks its API. Translates calls; decides nothing and reads no environment. */
import type { ContainerEngine } from '../types.js';
import { createContainers } from './containers.js';
import { fromInfo } from './convert.js';
import { DEFAULT_HOST, isLocal, parseHost } from './endpoint.js';
import { createEvents } from './events.js';
import { createImages } from './images.js';
import { createSession } from './session.js';
import { createTransport } from './transport.js';

/** Where the engine is, and what is known of it. */
export interface DockerEngineOptions {
  /**
   * `unix:///path`, `tcp://host:port` (plain, without TLS) or `npipe:////./pipe/name`. Default `unix:///var/run/docker.sock`;
   * no environment variable is read (see `resolveEndpoint`).
   */
  readonly host?: string | undefined;
  /** The engine's name in messages and reports. Default `docker`. */
  readonly name?: string | undefined;
  /** Whether the engine sees this host's folders. Default: yes for a socket and for `tcp` to this host. */
  readonly bindMounts?: boolean | undefined;
}

/**
 * Makes an engine for Docker. Nothing is connected, and dockerode is not loaded, before the first call; every call has a connection
 * of its own, so an idle engine holds nothing open.
 * @throws `engine.unsupported` for a host it cannot use.
 * @example
 * ```ts
 * const engine = dockerEngine({ host: 'unix:///var/run/docker.sock' });
 * console.log(await engine.info());
 * ```
 */
export function dockerEngine(options: DockerEngineOptions = {}): ContainerEngine {
  const host = options.host ?? DEFAULT_HOST;
  const address = parseHost(host);
  const transport = createTransport(address);
  const session = createSession(transport, host);
  return {
    name: options.name ?? 'docker',
    capabilities: {
      bindMounts: options.bindMounts ?? isLocal(address),
      stdin: true,
      separateStreams: true,
      // It can be asked for; whether there is one is known when a container starts.
      gpu: true,
      stats: true,
      verifiableSpec: true,
      events: true,
    },
    async info(callOptions) {
      const version = await session.call(callOptions, 'ask for its version', (docker) => docker.version());
      const system = await session.call(callOptions, 'ask about its system', (docker) => docker.info());
      return fromInfo(version, system);
    },
    containers: createContainers(session),
    images: createImages(session),
    events: createEvents(session),
    close() {
      transport.close();
      return Promise.resolve();
    },
  };
}
