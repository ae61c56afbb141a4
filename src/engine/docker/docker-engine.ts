/** The `ContainerEngine` for Docker and what speaks its API. Translates calls; decides nothing and reads no environment. */
import { type Check, only } from '../../base/shapes.js';
import type { ContainerEngine } from '../types.js';
import { DEFAULT_HOST, isLocal, parseHost, withoutCredentials } from './address.js';
import { createContainers } from './containers.js';
import { fromInfo } from './convert.js';
import { createEvents } from './events.js';
import { createImages } from './images.js';
import { createNetworks } from './networks.js';
import { orNull, requireArguments, text } from './option-checks.js';
import { createSession } from './session.js';
import { sshCheck, type SshOptions } from './ssh-connection.js';
import { type EngineTls, requireAuthority, tlsCheck } from './tls.js';
import { createTransport } from './transport.js';
import { createVolumes } from './volumes.js';

/** Where the engine is, and what is known of it. */
export interface DockerEngineOptions {
  /**
   * `unix:///path`, `tcp://host:port` (without TLS, unless `tls` is given or the port is 2376), `https://host:port`, `ssh://user@host:port/path` (path and all
   * but the host optional) or `npipe:////./pipe/name`. Default `unix:///var/run/docker.sock`; no environment variable is read (see
   * {@link resolveEndpoint}).
   */
  readonly host?: string | undefined;
  /** TLS is spoken, with these certificates; any other than a `tcp` or `https` host is refused. The engine's own is always verified. */
  readonly tls?: EngineTls | null | undefined;
  /** How the system's ssh is called for an `ssh` host. The host's key must be known to it. */
  readonly ssh?: SshOptions | undefined;
  /** Who named the host, for messages: `DOCKER_HOST`, for example. */
  readonly from?: string | undefined;
  /** The engine's name in messages and reports. Default `docker`. */
  readonly name?: string | undefined;
}

const OPTIONS: Record<keyof DockerEngineOptions, Check> = {
  host: text,
  tls: orNull(tlsCheck),
  ssh: orNull(sshCheck),
  from: text,
  name: text,
};

/**
 * Makes an engine for Docker. Nothing is connected, and dockerode is not loaded, before the first call; every call has a connection
 * of its own, so an idle engine holds nothing open.
 * @throws `engine.unsupported` for a host or an authority it cannot use; `config.invalid` for options there are none of, or of another type.
 * @example
 * ```ts
 * const engine = dockerEngine({ host: 'unix:///var/run/docker.sock' });
 * console.log(await engine.info());
 * ```
 */
export function dockerEngine(options: DockerEngineOptions = {}): ContainerEngine {
  requireArguments('dockerEngine', { options: { value: options, check: only(OPTIONS) } });
  const host = options.host ?? DEFAULT_HOST;
  const tls = options.tls ?? null;
  requireAuthority(tls?.ca, 'tls.ca');
  const address = parseHost(host, tls !== null);
  const shown = `${withoutCredentials(host)}${options.from === undefined ? '' : ` (from ${options.from})`}`;
  const transport = createTransport({ address, tls, ssh: options.ssh ?? null }, shown);
  const session = createSession(transport, shown);
  return {
    name: options.name ?? 'docker',
    location: {
      host: withoutCredentials(host),
      from: options.from ?? (options.host === undefined ? 'default' : 'option'),
    },
    capabilities: {
      bindMounts: isLocal(address),
      stdin: true,
      separateStreams: true,
      // It can be asked for; whether there is one is known when a container starts.
      gpu: true,
      stats: true,
      writtenBytes: true,
      verifiableSpec: true,
      events: true,
      copy: true,
      volumes: true,
      volumeBytes: true,
    },
    async info(callOptions) {
      const version = await session.call(callOptions, 'ask for its version', (docker) => docker.version());
      const system = await session.call(callOptions, 'ask about its system', (docker) => docker.info());
      return fromInfo(version, system);
    },
    containers: createContainers(session),
    images: createImages(session),
    volumes: createVolumes(session),
    networks: createNetworks(session),
    events: createEvents(session),
    close() {
      transport.close();
      return Promise.resolve();
    },
  };
}
