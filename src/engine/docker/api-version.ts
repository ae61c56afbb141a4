/** Which version of the Engine API is spoken. Pure: it makes no call. */
import { EngineError } from '../../errors.js';

/** Whose Engine API it is: the two agree on calls and differ in what they understand of them. */
export type Dialect = 'docker' | 'podman';

/** The oldest this adapter can work with: Docker 20.10, Podman 4. */
const OLDEST = [1, 41] as const;
/** The newest this adapter was tried with; whatever is newer is spoken to in this one. */
const NEWEST = [1, 45] as const;
/** From here on a part of a volume can be mounted. */
const WITH_SUBPATHS = [1, 45] as const;

type Version = readonly [major: number, minor: number];

/**
 * What stands before every path, without a slash, for an engine that announces a version: undefined where the engine's own is meant, which
 * is also for an engine that announces none.
 * @throws `engine.unsupported` for an engine that is too old.
 */
export function negotiateVersion(announced: string | undefined, host: string): string | undefined {
  const version = read(announced);
  if (version === null) return undefined;
  if (isOlder(version, OLDEST)) {
    throw new EngineError(
      'engine.unsupported',
      `The engine at ${host} is too old: it speaks version ${write(version)} of the Docker Engine API at the most, and ${write(OLDEST)} is needed.`,
      { hint: 'Use Docker 20.10 or newer, or Podman 4 or newer.', details: { apiVersion: write(version) } },
    );
  }
  return isOlder(NEWEST, version) ? `v${write(NEWEST)}` : undefined;
}

/** Whose API answers, by the headers of a ping: Podman names the version of its own beside. */
export function dialectOf(headers: Readonly<Record<string, unknown>>): Dialect {
  return headers['libpod-api-version'] === undefined ? 'docker' : 'podman';
}

/** Whether an engine whose newest version is this one can mount parts of volumes. */
export function mountsSubpaths(announced: string): boolean {
  const version = read(announced);
  return version !== null && !isOlder(version, WITH_SUBPATHS);
}

function read(announced: string | undefined): Version | null {
  const [major, minor] = (/^(\d+)\.(\d+)$/.exec(announced ?? '') ?? []).slice(1).map(Number);
  return major === undefined || minor === undefined ? null : [major, minor];
}

const write = (version: Version): string => version.join('.');

function isOlder([major, minor]: Version, [otherMajor, otherMinor]: Version): boolean {
  return major === otherMajor ? minor < otherMinor : major < otherMajor;
}
