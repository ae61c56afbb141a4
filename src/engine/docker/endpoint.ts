/** Where the engine is: an option, `DOCKER_HOST`, the Docker context in use, or the first usual socket that answers. Makes no engine. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { thisProcess } from '../../host/this-process.js';
import { parseHost, unsupported, withoutCredentials } from './address.js';
import { currentContext, readContext } from './docker-context.js';
import { type EngineTls, type EngineTlsFiles, readTlsFiles, readTlsFolder } from './tls.js';
import { findAnswering, usualSockets } from './usual-sockets.js';

/** Where an engine was found to be; `dockerEngine` takes it as it is. */
export interface EngineEndpoint {
  /** For example `unix:///path`, `tcp://host:port` or `ssh://user@host`. */
  readonly host: string;
  /** Null: no TLS, unless the host is `https://…`. */
  readonly tls: EngineTls | null;
  /** Who named it: `option`, `DOCKER_HOST`, `context NAME` or `usual socket`. */
  readonly from: string;
}

/** What goes before the environment. */
export interface ResolveEndpointOptions {
  readonly host?: string | null | undefined;
  /** For `host`: with any of them TLS is spoken. */
  readonly tls?: EngineTlsFiles | null | undefined;
}

/**
 * Finds the engine as Docker's own client does, and a little further: the option, else `DOCKER_HOST`, else the context (`DOCKER_CONTEXT`, or
 * `currentContext` of `config.json` in `DOCKER_CONFIG`, default `~/.docker`), else the first usual socket of Docker, rootless Docker, Docker
 * Desktop or Podman that takes a connection. With `DOCKER_TLS_VERIFY` or `DOCKER_TLS` set to anything, a `tcp` host is spoken to by TLS, with
 * `ca.pem`, `cert.pem` and `key.pem` of `DOCKER_CERT_PATH`; the engine's certificate is always verified. Rules:
 * https://docs.docker.com/reference/cli/docker/#environment-variables
 *
 * @throws `engine.unsupported` for what cannot be used, naming it; `engine.unreachable` if no usual socket answers, with all that was tried.
 * @example
 * ```ts
 * const engine = dockerEngine(await resolveEndpoint(process.env));
 * console.log(await engine.info());
 * ```
 */
export async function resolveEndpoint(
  env: Readonly<Record<string, string | undefined>>,
  options: ResolveEndpointOptions = {},
): Promise<EngineEndpoint> {
  const found = await find(env, options);
  // Whatever is wrong with it is said now, and with the name of who said it.
  parseHost(found.host, found.tls !== null);
  return found;
}

async function find(
  env: Readonly<Record<string, string | undefined>>,
  { host, tls }: ResolveEndpointOptions,
): Promise<EngineEndpoint> {
  if (host !== null && host !== undefined) {
    return { host, tls: isGiven(tls) ? await readTlsFiles(tls) : null, from: 'option' };
  }
  const home = env['HOME'] ?? homedir();
  const configFolder = nonEmpty(env['DOCKER_CONFIG']) ?? join(home, '.docker');
  const named = nonEmpty(env['DOCKER_HOST']?.trim());
  if (named !== undefined) return fromDockerHost(named, env, configFolder);
  const context = await currentContext(configFolder, env);
  if (context !== null) return { ...(await readContext(configFolder, context)), from: `context ${context}` };
  const runtimeFolder =
    nonEmpty(env['XDG_RUNTIME_DIR']) ?? `/run/user/${String(thisProcess.getuid?.() ?? 0)}`;
  const answering = await findAnswering(usualSockets(home, runtimeFolder, thisProcess.platform));
  return { host: answering, tls: null, from: 'usual socket' };
}

async function fromDockerHost(
  named: string,
  env: Readonly<Record<string, string | undefined>>,
  configFolder: string,
): Promise<EngineEndpoint> {
  const asksForTls = [env['DOCKER_TLS_VERIFY'], env['DOCKER_TLS']].some((value) => (value ?? '') !== '');
  const isOverTcp = /^(tcp|https?):\/\//i.test(named);
  const from = 'DOCKER_HOST';
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(named)) {
    throw unsupported(
      `DOCKER_HOST=${withoutCredentials(named)}`,
      'it has no scheme',
      'Write tcp://… or unix://….',
    );
  }
  if (!isOverTcp || (!asksForTls && !/^https:/i.test(named))) return { host: named, tls: null, from };
  const certificates = nonEmpty(env['DOCKER_CERT_PATH']);
  const tls = await readTlsFolder(certificates ?? configFolder, certificates !== undefined);
  return { host: named, tls, from };
}

const isGiven = (tls: EngineTlsFiles | null | undefined): tls is EngineTlsFiles =>
  Object.values(tls ?? {}).some((value) => value !== null && value !== undefined);

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text);
