/** Tars of a few entries, written and read whole: for cases, not for trees. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** One entry. */
export interface TarEntry {
  readonly name: string;
  readonly type: 'file' | 'directory' | 'symlink';
  readonly text: string;
  /** Of a link. */
  readonly linkname: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

/** An entry with what usually holds. */
export const tarEntry = (name: string, rest: Partial<TarEntry> = {}): TarEntry => {
  const type = name.endsWith('/') ? 'directory' : 'file';
  const mode = type === 'directory' ? 0o755 : 0o644;
  return { type, text: '', linkname: '', mode, uid: 1000, gid: 1000, mtime: 1_000_000_000, ...rest, name };
};

/** The tar of some entries. */
export async function* packEntries(
  entries: readonly TarEntry[],
): AsyncGenerator<Uint8Array, void, undefined> {
  const { pack } = await import('tar-stream');
  const writer = pack();
  for (const { text, mtime, ...header } of entries) {
    const bytes = Buffer.from(text);
    writer.entry({ ...header, mtime: new Date(mtime * 1000), size: bytes.length }, bytes);
  }
  writer.finalize();
  yield* writer as AsyncIterable<Uint8Array>;
}

/** The entries of a tar, by name. */
export async function readEntries(tar: AsyncIterable<Uint8Array>): Promise<readonly TarEntry[]> {
  const { extract } = await import('tar-stream');
  const reader = extract();
  const entries: TarEntry[] = [];
  reader.on('entry', ({ name, type, linkname, mode, uid, gid, mtime }, stream, next) => {
    let text = '';
    stream.on('data', (part) => {
      text += Buffer.from(part as Uint8Array).toString('latin1');
    });
    stream.on('end', () => {
      const known = type === 'directory' || type === 'symlink' ? type : 'file';
      const entry = { type: known, linkname: known === 'symlink' ? linkname : '', text, uid, gid } as const;
      entries.push({ ...entry, name, mode: mode & 0o7777, mtime: Math.floor(mtime.getTime() / 1000) });
      next();
    });
  });
  await pipeline(Readable.from(tar, { objectMode: false }), reader as unknown as NodeJS.WritableStream);
  return entries.sort((first, second) => (first.name < second.name ? -1 : 1));
}
