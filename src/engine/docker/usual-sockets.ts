/** Sockets where engines usually listen, and finding out which of them answers. It speaks to none. */
import { join } from 'node:path';
import { EngineError } from '../../errors.js';
import { net } from './node-modules.js';

/** A place that was looked at in vain. */
interface TriedSocket {
  readonly host: string;
  /** The system's error code, or `no answer`. */
  readonly outcome: string;
}

const ANSWER_MS = 2_000;

/** In the order in which they are tried: Docker, rootless Docker, Docker Desktop, Podman of the user, Podman. */
export function usualSockets(
  home: string,
  runtimeFolder: string,
  platform: NodeJS.Platform,
): readonly string[] {
  if (platform === 'win32') return ['npipe:////./pipe/docker_engine'];
  return [
    '/var/run/docker.sock',
    join(runtimeFolder, 'docker.sock'),
    join(home, '.docker/run/docker.sock'),
    join(home, '.docker/desktop/docker.sock'),
    join(runtimeFolder, 'podman/podman.sock'),
    '/run/podman/podman.sock',
  ].map((path) => `unix://${path}`);
}

/**
 * The first host that takes a connection.
 * @throws `engine.unreachable` with everything that was tried, and what is likely to help.
 */
export async function findAnswering(hosts: readonly string[]): Promise<string> {
  const tried: TriedSocket[] = [];
  for (const host of hosts) {
    const outcome = await knock(host.replace(/^(unix|npipe):\/\//, ''));
    if (outcome === null) return host;
    tried.push({ host, outcome });
  }
  const places = tried.map(({ host, outcome }) => `${host} (${outcome})`).join(', ');
  throw new EngineError('engine.unreachable', `No container engine was found. Tried: ${places}.`, {
    hint: hintFor(tried),
    details: { tried },
  });
}

function hintFor(tried: readonly TriedSocket[]): string {
  const withOutcome = (...outcomes: readonly string[]) =>
    tried.find(({ outcome }) => outcomes.includes(outcome));
  const forbidden = withOutcome('EACCES', 'EPERM');
  if (forbidden !== undefined) {
    return `This user may not use ${forbidden.host}: add it to the socket’s group (often \`docker\`), or use a rootless engine.`;
  }
  const refusing = withOutcome('ECONNREFUSED', 'no answer');
  if (refusing !== undefined) return `Nothing answers at ${refusing.host}: start its daemon.`;
  return 'Start an engine, or give its address as `engine.host` or DOCKER_HOST; in a container, mount the engine’s socket into it.';
}

/** Null if a connection is taken. */
function knock(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = net().connect({ path });
    const answer = (outcome: string | null) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(answer, ANSWER_MS, 'no answer');
    socket.once('connect', () => {
      answer(null);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      answer(error.code ?? 'unknown failure');
    });
  });
}
