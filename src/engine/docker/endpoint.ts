/** Where the engine is: an option, `DOCKER_HOST`, the Docker context in use, or the first usual socket that answers. Makes no engine. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Check, only } from '../../base/shapes.js';
import { thisProcess } from '../../host/this-process.js';
import { EngineError } from '../../errors.js';
import { type EngineAddress, parseHost } from './address.js';
import { currentContext, readContext } from './docker-context.js';
import { environment, orNull, requireArguments, text } from './option-checks.js';
import { type EngineTls, type EngineTlsFiles, readTlsFiles, readTlsFolder, tlsFilesCheck } from './tls.js';
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
  /** With any of them TLS is spoken, whoever names the host; they take the place of its own. An engine that is not reached by TCP is refused then. */
  readonly tls?: EngineTlsFiles | null | undefined;
}

const OPTIONS: Record<keyof ResolveEndpointOptions, Check> = { host: text, tls: orNull(tlsFilesCheck) };

/**
 * Finds the engine as Docker's own client does, and a little further: the option, else `DOCKER_HOST`, else the context (`DOCKER_CONTEXT`, or
 * `currentContext` of `config.json` in `DOCKER_CONFIG`, default `~/.docker`), else the first usual socket of Docker, rootless Docker, Docker
 * Desktop or Podman that takes a connection. With `DOCKER_TLS_VERIFY`, `DOCKER_TLS` or `DOCKER_CERT_PATH` set to anything, or on port 2376, a
 * `tcp` host is spoken to by TLS, with `ca.pem`, `cert.pem` and `key.pem` of `DOCKER_CERT_PATH`; the engine's certificate is always verified. Rules:
 * https://docs.docker.com/reference/cli/docker/#environment-variables
 *
 * @throws `engine.unsupported` for what cannot be used, naming it; `engine.unreachable` if no usual socket answers, with all that was tried;
 * `config.invalid` for an environment or options of another type, or options there are none of.
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
  requireArguments('resolveEndpoint', {
    env: { value: env, check: environment },
    options: { value: options, check: only(OPTIONS) },
  });
  // Read first: what is asked for by name is wrong or right whatever is found.
  const tls = isGiven(options.tls) ? await readTlsFiles(options.tls) : null;
  const found = await find(env, options.host ?? null, tls);
  parsed(found.host, found.tls !== null, found.from);
  return found;
}

/** Whatever is wrong with it is said now, and with the name of who said it. */
function parsed(host: string, withTls: boolean, from: string): EngineAddress {
  try {
    return parseHost(host, withTls);
  } catch (error) {
    if (!(error instanceof EngineError) || from === 'option') throw error;
    throw new EngineError(error.code, `${from}: ${error.message}`, { hint: error.hint, cause: error });
  }
}

async function find(
  env: Readonly<Record<string, string | undefined>>,
  host: string | null,
  tls: EngineTls | null,
): Promise<EngineEndpoint> {
  if (host !== null) return { host, tls, from: 'option' };
  const home = env['HOME'] ?? homedir();
  const configFolder = nonEmpty(env['DOCKER_CONFIG']) ?? join(home, '.docker');
  const named = nonEmpty(env['DOCKER_HOST']?.trim());
  if (named !== undefined) return fromDockerHost(named, env, tls, configFolder);
  const context = await currentContext(configFolder, env);
  if (context !== null) {
    const endpoint = await readContext(configFolder, context);
    return { host: endpoint.host, tls: tls ?? endpoint.tls, from: `context ${context}` };
  }
  const runtimeFolder =
    nonEmpty(env['XDG_RUNTIME_DIR']) ?? `/run/user/${String(thisProcess.getuid?.() ?? 0)}`;
  const answering = await findAnswering(usualSockets(home, runtimeFolder, thisProcess.platform));
  return { host: answering, tls, from: 'usual socket' };
}

async function fromDockerHost(
  named: string,
  env: Readonly<Record<string, string | undefined>>,
  given: EngineTls | null,
  configFolder: string,
): Promise<EngineEndpoint> {
  const from = 'DOCKER_HOST';
  if (given !== null) return { host: named, tls: given, from };
  const address = parsed(named, false, from);
  const asksForTls = TLS_VARIABLES.some((name) => nonEmpty(env[name]) !== undefined);
  if (address.kind !== 'tcp' || (!asksForTls && !address.secure)) return { host: named, tls: null, from };
  const certificates = nonEmpty(env['DOCKER_CERT_PATH']);
  const tls = await readTlsFolder(certificates ?? configFolder, certificates !== undefined);
  return { host: named, tls, from };
}

/** Any text in one of them asks for TLS: Docker's client takes the first two so, its libraries the last. */
const TLS_VARIABLES = ['DOCKER_TLS_VERIFY', 'DOCKER_TLS', 'DOCKER_CERT_PATH'] as const;

const isGiven = (tls: EngineTlsFiles | null | undefined): tls is EngineTlsFiles =>
  Object.values(tls ?? {}).some((value) => value !== null && value !== undefined);

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text);
