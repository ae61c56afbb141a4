/** dockerode and its transport, loaded when they are first needed and only as far as this adapter uses them. The only file that imports them. */
import type { Agent } from 'node:http';
import type { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { lazy } from '../../base/lazy.js';
import { EngineError } from '../../errors.js';
import { destinationOf, isSecure, type Reach } from './connection.js';

// Asked for once: with a loader in the process (of TypeScript, of tracing) each further import of a loaded module costs a millisecond.
const loadDockerode = lazy(async () => import('dockerode'));
const loadModem = lazy(async () => import('docker-modem'));

/** A container of dockerode: methods of which only the answer counts. */
export interface DockerContainer {
  start(): Promise<unknown>;
  inspect(options: object): Promise<unknown>;
  kill(options: object): Promise<unknown>;
  remove(options: object): Promise<unknown>;
  stats(options: { readonly stream: false; readonly 'one-shot': true }): Promise<unknown>;
  putArchive(tar: Readable, options: { readonly path: string }): Promise<unknown>;
}

/** A volume of dockerode. */
interface DockerVolume {
  remove(options: object): Promise<unknown>;
}

/** dockerode types a stream of bytes as one that may hold text. */
export type DockerStream = AsyncIterable<string | Uint8Array>;

/** An image of dockerode. */
export interface DockerImage {
  inspect(): Promise<unknown>;
  history(): Promise<unknown>;
  distribution(options: object): Promise<unknown>;
  tag(options: { readonly repo: string; readonly tag: string }): Promise<unknown>;
  push(options: object): Promise<DockerStream>;
  remove(options: object): Promise<unknown>;
}

/** dockerode as this adapter uses it: no type of the library leaves this file. */
export interface DockerClient {
  /** dockerode's transport; see {@link dial}. */
  readonly modem: {
    dial(options: object, callback: (cause: unknown, body: unknown) => void): void;
  };
  getContainer(id: string): DockerContainer;
  getImage(reference: string): DockerImage;
  getVolume(name: string): DockerVolume;
  listContainers(options: object): Promise<unknown>;
  listImages(options: object): Promise<unknown>;
  listVolumes(options: object): Promise<unknown>;
  listNetworks(options: object): Promise<unknown>;
  createImage(options: object): Promise<DockerStream>;
  loadImage(tar: Readable, options: object): Promise<DockerStream>;
  buildImage(tar: Readable, options: object): Promise<DockerStream>;
  info(): Promise<unknown>;
  version(): Promise<unknown>;
}

/** Makes a dockerode on an agent of a call's own. */
export type DockerClients = (agent: Agent) => DockerClient;

/**
 * Sets dockerode up for a version of the API (`v1.45`; undefined: the engine's own): 130 ms for the module, the first time. Its transport is made
 * without its constructor, which reads `DOCKER_HOST` and its companions whatever it is told, and fails where they are not valid.
 *
 * @throws `engine.failed` if dockerode cannot be loaded.
 */
export async function setUpDockerode(reach: Reach, version: string | undefined): Promise<DockerClients> {
  // All that its calls look at, but for the certificates, which the agent has. Never `timeout` or `connectionTimeout`: they cut silent waits.
  const fields = {
    ...destinationOf(reach),
    protocol: isSecure(reach) ? 'https' : 'http',
    pathPrefix: '/',
    version,
    headers: {},
  };
  try {
    const [{ default: Docker }, { default: Modem }] = await Promise.all([loadDockerode(), loadModem()]);
    const modem = Object.assign(Object.create(Modem.prototype) as object, fields);
    Reflect.set(modem, 'buildRequest', unprinted(Reflect.get(modem, 'buildRequest')));
    return (agent) => {
      // An option that the types do not know.
      const ready: object = { modem: Object.assign(Object.create(modem) as object, { agent }) };
      return new Docker(ready);
    };
  } catch (cause) {
    throw new EngineError('engine.failed', 'dockerode could not be loaded.', {
      cause,
      hint: 'Is it installed?',
    });
  }
}

/** docker-modem has each request printed for a log that hardly anybody reads, with all that hangs on it: half a millisecond a run. */
function unprinted(buildRequest: unknown): unknown {
  return function (this: unknown, options: object, ...rest: unknown[]): unknown {
    Object.defineProperty(options, inspect.custom, {
      value: () => `${String(Reflect.get(options, 'method'))} ${String(Reflect.get(options, 'path'))}`,
    });
    return Reflect.apply(buildRequest as (...given: unknown[]) => unknown, this, [options, ...rest]);
  };
}

/** A call by dockerode's transport alone, for those whose answers dockerode throws away: warnings about a container, labels of a volume. */
export async function dial(docker: DockerClient, request: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    docker.modem.dial(request, (cause, body) => {
      if (cause instanceof Error) reject(cause);
      else resolve(body);
    });
  });
}
