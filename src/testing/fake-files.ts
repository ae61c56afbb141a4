/** The file system a fake job sees: bind mounts are folders of this host, volumes are the fake's own, everything else is read-only or in memory. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import type { ContainerSpec } from '../plan/container-spec.js';
import { type FakeVolume, putFakeNode, viewFakeVolumes } from './fake-volumes.js';

/** Reads and writes by container path. */
export interface FakeFiles {
  read(path: string): Promise<Uint8Array>;
  write(path: string, content: string | Uint8Array): Promise<void>;
  /** What lies in the root file system itself, mounts and tmpfs left out. */
  rootBytes(): number;
}

const fail = (code: string, path: string): Error => Object.assign(new Error(`${code}: ${path}`), { code });

const bytesOf = (content: string | Uint8Array): Uint8Array =>
  typeof content === 'string' ? new TextEncoder().encode(content) : content;

/** The file system of one container. */
export function createFakeFiles(spec: ContainerSpec, volumes: ReadonlyMap<string, FakeVolume>): FakeFiles {
  const memory = new Map<string, Uint8Array>();
  const view = viewFakeVolumes(spec, volumes);
  const [uid = 0, gid = 0] = spec.user.split(':').map(Number);
  const absolute = (path: string): string => posix.resolve(spec.workingDirectory ?? '/', path);
  const covers = (target: string, path: string): boolean => path === target || path.startsWith(`${target}/`);
  /** The mount or tmpfs nearest to the path. */
  const placeOf = (
    path: string,
  ): { readonly host: string | null; readonly readOnly: boolean; readonly target: string } | null => {
    const places = [
      ...spec.mounts.map(({ target, source, readOnly }) => ({ target, host: source, readOnly })),
      ...spec.tmpfs.map(({ target }) => ({ target, host: null, readOnly: false })),
    ].filter(({ target }) => covers(target, path));
    return places.sort((first, second) => second.target.length - first.target.length)[0] ?? null;
  };
  return {
    async read(path) {
      const full = absolute(path);
      const onVolume = view.locate(full, true);
      if (onVolume !== null) {
        const node = onVolume.volume.nodes.get(onVolume.key);
        if (node?.type !== 'file') throw fail(node === undefined ? 'ENOENT' : 'EISDIR', full);
        return node.bytes;
      }
      const place = placeOf(full);
      if (place?.host != null) return readFile(join(place.host, full.slice(place.target.length)));
      const content = memory.get(full);
      if (content === undefined) throw fail('ENOENT', full);
      return content;
    },
    async write(path, content) {
      const full = absolute(path);
      const onVolume = view.locate(full, true);
      if (onVolume !== null) {
        if (onVolume.readOnly) throw fail('EROFS', full);
        const node = {
          type: 'file',
          bytes: bytesOf(content),
          target: '',
          mode: 0o644,
          mtime: new Date(),
        } as const;
        putFakeNode(onVolume.volume, onVolume.key, { ...node, uid, gid });
        return;
      }
      const place = placeOf(full);
      const isWritable = place === null ? !spec.readOnlyRootFilesystem : !place.readOnly;
      if (!isWritable) throw fail('EROFS', full);
      if (place?.host == null) {
        memory.set(full, bytesOf(content));
        return;
      }
      const file = join(place.host, full.slice(place.target.length));
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    },
    rootBytes: () =>
      [...memory].reduce((sum, [path, { length }]) => sum + (placeOf(path) === null ? length : 0), 0),
  };
}
