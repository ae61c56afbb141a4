/** Where in a container nothing of ours may be mounted. It judges the text of a path, not an image's files. */
import { checkAbsolutePath, normalizeAbsolutePath, pathsOverlap } from './paths.js';

/** Container paths that are no mount target, nor anything above or beneath them; `/lib*` is every `/lib…`. */
export const MOUNT_TARGET_DENYLIST: readonly string[] = [
  '/',
  '/proc',
  '/sys',
  '/dev',
  '/etc',
  '/bin',
  '/sbin',
  '/lib*',
  '/usr',
  '/boot',
  '/run',
  '/var/run',
  '/.dockerenv',
];

// The usual sockets lie beneath /run; a path may bring one to another place.
const ENGINE_SOCKET = /^(?:docker|containerd|podman|crio|buildkitd)\.sock$/;

function isDenied(target: string, denied: string): boolean {
  if (denied === '/') return target === '/';
  if (!denied.endsWith('*')) return pathsOverlap(denied, target);
  return target.startsWith(denied.slice(0, -1));
}

/**
 * Gives what is wrong with a mount target in a container, or null: it must be an acceptable absolute path that is
 * neither equal to, beneath, nor above a system folder or the socket of a container engine. A mount there would
 * replace the programs, the accounts or the kernel interfaces of the image.
 */
export function mountTargetProblem(path: string): string | null {
  const problem = checkAbsolutePath(path);
  if (problem !== null) return problem;
  const target = normalizeAbsolutePath(path);
  const denied = MOUNT_TARGET_DENYLIST.find((entry) => isDenied(target, entry));
  if (denied !== undefined) {
    return `must not be equal to, beneath or above ${denied}; choose a folder such as /workspace or /data`;
  }
  if (target.split('/').some((segment) => ENGINE_SOCKET.test(segment))) {
    return 'must not be the socket of a container engine';
  }
  return null;
}
