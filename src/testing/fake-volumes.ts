/** Volumes of the fake engine: trees in memory, and how containers see them through their mounts. */
import { posix } from 'node:path';
import type { ContainerSpec, VolumeMount } from '../plan/container-spec.js';

/** One node of a volume. */
export interface FakeNode {
  readonly type: 'file' | 'directory' | 'symlink';
  readonly bytes: Uint8Array;
  /** Of a link. */
  readonly target: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Date;
}

/** A volume as the fake keeps it. */
export interface FakeVolume {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** By path from its root, without a slash at either end; the root itself is the empty one. */
  readonly nodes: Map<string, FakeNode>;
}

/** A place on a volume. */
export interface FakePlace {
  readonly volume: FakeVolume;
  /** The key of its node, whether there is one or not. */
  readonly key: string;
  readonly readOnly: boolean;
}

/** The volumes of one container, by container path. */
export interface FakeVolumeView {
  /** Where a path leads, links on the way and, if wanted, at its end followed; null: not to a volume. */
  locate(path: string, followsLast: boolean): FakePlace | null;
  /** Everything beneath a container path that lies on volumes, itself included, parents first. */
  beneath(path: string): readonly { readonly path: string; readonly node: FakeNode }[];
}

const MOST_LINKS = 40;

const FOLDER: FakeNode = {
  type: 'directory',
  bytes: new Uint8Array(),
  target: '',
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: new Date(0),
};

/** An empty volume. */
export function createFakeVolume(name: string, labels: FakeVolume['labels']): FakeVolume {
  return { name, labels, nodes: new Map([['', FOLDER]]) };
}

/** Puts a node into a volume, with the folders above it. */
export function putFakeNode({ nodes }: FakeVolume, key: string, node: FakeNode): void {
  const names = key.split('/');
  for (let length = 1; length < names.length; length += 1) {
    const above = names.slice(0, length).join('/');
    if (!nodes.has(above)) nodes.set(above, FOLDER);
  }
  nodes.set(key, node);
}

const isWithin = (folder: string, path: string): boolean =>
  path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);

/** What one container sees of the volumes it has mounted. */
export function viewFakeVolumes(
  { mounts }: Pick<ContainerSpec, 'mounts'>,
  volumes: ReadonlyMap<string, FakeVolume>,
): FakeVolumeView {
  const mounted = mounts.filter((mount): mount is VolumeMount => mount.type === 'volume');
  const placeAt = (path: string): FakePlace | null => {
    const nearest = mounts
      .filter(({ target }) => isWithin(target, path))
      .sort((first, second) => second.target.length - first.target.length)[0];
    const volume = nearest?.type === 'volume' ? volumes.get(nearest.source) : undefined;
    if (nearest?.type !== 'volume' || volume === undefined) return null;
    const inside = posix.relative(nearest.target, path);
    const key = [nearest.subpath ?? '', inside].filter((part) => part !== '').join('/');
    return { volume, key, readOnly: nearest.readOnly };
  };
  const nodeAt = (path: string): FakeNode | undefined => {
    const place = placeAt(path);
    return place?.volume.nodes.get(place.key);
  };
  const resolve = (path: string, followsLast: boolean): string => {
    let current = posix.resolve('/', path);
    for (let links = 0; links <= MOST_LINKS; links += 1) {
      const names = current.split('/').filter(Boolean);
      const link = names.findIndex((_, index) => {
        const isLast = index === names.length - 1;
        return (
          (!isLast || followsLast) && nodeAt(`/${names.slice(0, index + 1).join('/')}`)?.type === 'symlink'
        );
      });
      if (link < 0) return current;
      const above = `/${names.slice(0, link).join('/')}`;
      const target = nodeAt(posix.join(above, names[link] ?? ''))?.target ?? '';
      current = posix.resolve(above, target, ...names.slice(link + 1));
    }
    throw Object.assign(new Error(`ELOOP: ${path}`), { code: 'ELOOP' });
  };
  return {
    locate: (path, followsLast) => placeAt(resolve(path, followsLast)),
    beneath(path) {
      const root = resolve(path, false);
      const all = mounted.flatMap(({ source, target, subpath }) => {
        const prefix = subpath ?? '';
        return [...(volumes.get(source)?.nodes ?? [])].flatMap(([key, node]) => {
          const inside = prefix === '' ? key : posix.relative(prefix, key);
          if (inside.startsWith('..')) return [];
          const full = posix.join(target, inside);
          const isSeen = placeAt(full)?.volume.name === source && isWithin(root, full);
          return isSeen ? [{ path: full.replace(/(?<=.)\/$/, ''), node }] : [];
        });
      });
      return all.sort((first, second) => (first.path < second.path ? -1 : 1));
    },
  };
}
