/** Tars that go into the volumes of a fake container and come out of them. */
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Header } from 'tar-stream';
import type { ContainerPathType } from '../engine/types.js';
import { EngineError } from '../errors.js';
import { type FakePlace, type FakeVolumeView, putFakeNode } from './fake-volumes.js';

const noPath = (path: string): EngineError => new EngineError('engine.not_found', `there is no ${path}`);

function placeOf(view: FakeVolumeView, path: string, followsLast: boolean): FakePlace {
  const place = view.locate(path, followsLast);
  if (place !== null) return place;
  throw new EngineError('engine.failed', `the fake engine copies from and to volumes only, not ${path}`);
}

/** What stands at a path on a volume; null if there is nothing. */
export function lookAtFake(view: FakeVolumeView, path: string): ContainerPathType | null {
  const place = view.locate(path, false);
  return place?.volume.nodes.get(place.key)?.type ?? null;
}

/** Unpacks a tar into a folder that is there, and into volumes mounted beneath it. */
export async function unpackIntoFake(
  view: FakeVolumeView,
  path: string,
  tar: AsyncIterable<Uint8Array>,
): Promise<void> {
  const folder = view.locate(path, true);
  if (folder !== null && folder.volume.nodes.get(folder.key)?.type !== 'directory') throw noPath(path);
  const { extract } = await import('tar-stream');
  const reader = extract();
  const folders: FakePlace[] = [];
  const unpackEntry = (header: Header, bytes: Uint8Array): void => {
    const full = posix.join('/', path, header.name).replace(/(?<=.)\/$/, '');
    if (!full.startsWith(path)) throw new EngineError('engine.failed', `${full} lies outside of ${path}`);
    const place = placeOf(view, full, false);
    const { volume, key, readOnly } = place;
    if (header.type === 'directory') folders.push(place);
    if (readOnly) throw new EngineError('engine.failed', `${full} is mounted read-only`);
    const { mode, uid, gid, mtime } = header;
    const type = header.type === 'directory' || header.type === 'symlink' ? header.type : 'file';
    const target = type === 'symlink' ? header.linkname : '';
    const other = header.type === 'link' ? placeOf(view, posix.join(path, header.linkname), false) : null;
    const linked = other?.volume.nodes.get(other.key);
    putFakeNode(volume, key, linked ?? { type, bytes, target, mode, uid, gid, mtime });
  };
  reader.on('entry', (header, stream, next) => {
    const parts: Uint8Array[] = [];
    stream.on('data', (part) => parts.push(part as Uint8Array));
    // A tar that breaks off within a file: the pipeline tells of it.
    stream.on('error', () => undefined);
    stream.on('end', () => {
      try {
        unpackEntry(header, Buffer.concat(parts));
        next();
      } catch (error) {
        next(error instanceof Error ? error : new Error(String(error)));
      }
    });
  });
  await pipeline(Readable.from(tar, { objectMode: false }), reader as unknown as NodeJS.WritableStream);
  // Docker sets the times of folders in the end.
  const lost = folders.find(({ volume, key }) => volume.nodes.get(key)?.type !== 'directory');
  if (lost !== undefined) throw new EngineError('engine.failed', `${lost.key} is no folder any more`);
}

/** The tar of what lies at a path and beneath it. */
export async function packFake(view: FakeVolumeView, path: string): Promise<AsyncIterable<Uint8Array>> {
  const place = placeOf(view, path, false);
  if (!place.volume.nodes.has(place.key)) throw noPath(path);
  const found = view.beneath(path);
  const [root] = found;
  const { pack } = await import('tar-stream');
  const writer = pack();
  for (const { path: full, node } of found) {
    const inside = posix.relative(root?.path ?? '/', full);
    const name = posix.join(posix.basename(path), inside);
    const { type, target, mode, uid, gid, mtime } = node;
    const bytes = Buffer.from(node.bytes);
    const header = { name: type === 'directory' ? `${name}/` : name, mode, uid, gid, mtime };
    if (type === 'symlink') writer.entry({ ...header, type, linkname: target });
    else if (type === 'directory') writer.entry({ ...header, type });
    else writer.entry({ ...header, type, size: bytes.length }, bytes);
  }
  writer.finalize();
  return writer as AsyncIterable<Uint8Array>;
}
