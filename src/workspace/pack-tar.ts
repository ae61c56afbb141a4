/** Packs folders and links into one uncompressed tar while it is read, a few chunks of it in memory at a time. It follows no link. */
import { pipeline } from 'node:stream/promises';
import type { Pack } from 'tar-stream';
import { WorkspaceError } from '../errors.js';
import { type Owner, readContent } from '../host/file-content.js';
import { lendChunk } from '../host/lent-chunks.js';
import { type NodeFacts, openChild, openContent, type OpenNode } from '../host/node.js';
import { walk, type WalkEntry } from '../host/walk.js';
import { KINDS } from './rejection.js';
import type { StraightContent, StraightContents } from './straight-file.js';

/** A folder with everything in it. */
interface PackedFolder {
  readonly folder: OpenNode;
  /** Its path in the tar. */
  readonly name: string;
  /** Whose it and everything in it is in the tar; null: whose it is. */
  readonly owner: Owner | null;
  /** The folder's own, if it is not to have the one it has. */
  readonly mode?: number | undefined;
}

/** A symbolic link that is only in the tar. */
interface PackedLink {
  /** Its path in the tar. */
  readonly name: string;
  readonly target: string;
  readonly owner: Owner;
}

/** What is packed, in this order. A link is packed in the place of what a folder has by its name, and of everything beneath that. */
export interface TarParts {
  readonly folders: readonly PackedFolder[];
  readonly links: readonly PackedLink[];
  /** What files have in the place of what they have in their folder. */
  readonly contents?: StraightContents | undefined;
  /** Of each folder. */
  readonly limits: { readonly entries: number; readonly depth: number };
  readonly signal: AbortSignal;
}

const LINK_MODE = 0o777;
/** Read ahead while the engine takes what was read before. */
const AHEAD_BYTES = 1024 * 1024;

/**
 * The tar, with the modes and times there are. Whoever breaks off reading it leaves nothing open.
 *
 * @throws `workspace.failed` for what is neither a file nor a folder, for a name that is not UTF-8, and for a file that changes meanwhile;
 * `workspace.too_large` beyond the limits; what reading contents from elsewhere does; the signal's reason. A tar that ends with any of these has no end mark.
 */
export async function* packTar(parts: TarParts): AsyncGenerator<Uint8Array, void, undefined> {
  const { pack } = await import('tar-stream');
  const writer = pack({ highWaterMark: AHEAD_BYTES });
  const writing = writeParts(writer, parts).then(
    () => {
      writer.finalize();
    },
    (error: unknown) => {
      writer.destroy(error instanceof Error ? error : new Error(String(error)));
    },
  );
  try {
    yield* writer as AsyncIterable<Uint8Array>;
  } finally {
    writer.destroy();
    await writing;
  }
}

async function writeParts(
  writer: Pack,
  { folders, links, contents, limits, signal }: TarParts,
): Promise<void> {
  // Left out and not replaced by an entry that comes later: engines set the times of folders when they have unpacked everything.
  const linked = new Set(links.map((link) => link.name));
  for (const { folder, name, owner, mode = folder.facts.mode } of folders) {
    const stats = await folder.handle.stat();
    const { uid, gid } = folder.facts;
    writer.entry({
      name: `${name}/`,
      type: 'directory',
      mode,
      mtime: stats.mtime,
      ...(owner ?? { uid, gid }),
    });
    const nameOf = ({ names }: WalkEntry): string => `${name}/${textOf(names)}`;
    const enters = (entry: WalkEntry): boolean => !linked.has(nameOf(entry));
    const bounds = { maxEntries: limits.entries, maxDepth: limits.depth, enters, signal };
    for await (const entry of walk(folder.handle, bounds)) {
      const path = nameOf(entry);
      if (linked.has(path)) continue;
      await writeEntry(writer, entry, { name: path, owner, contents }, signal);
    }
  }
  for (const { name, target: linkname, owner } of links) {
    writer.entry({ name, type: 'symlink', linkname, mode: LINK_MODE, mtime: new Date(0), ...owner });
  }
}

/** What an entry may have otherwise than the node it is made of. */
interface EntryParts extends Pick<PackedFolder, 'name' | 'owner'>, Pick<TarParts, 'contents'> {}

async function writeEntry(
  writer: Pack,
  { names, parent }: WalkEntry,
  { name, owner, contents }: EntryParts,
  signal: AbortSignal,
): Promise<void> {
  // Found again and held: what it is, and how long, is told of this very node.
  const node = await openChild(parent, names.at(-1) ?? '');
  try {
    const { type, identity, mode, uid, gid } = node.facts;
    const { mtime } = await node.handle.stat();
    const header = { mode, mtime, ...(owner ?? { uid, gid }) };
    if (type === 'directory') writer.entry({ ...header, type, name: `${name}/` });
    else if (type === 'file')
      await writeFile(writer, { ...header, name }, contents?.get(identity) ?? node, signal);
    else throw failed(`${JSON.stringify(name)} is ${KINDS[type]}, which is not sent to an engine`);
  } finally {
    await node.handle.close();
  }
}

async function writeFile(
  writer: Pack,
  header: { readonly name: string; readonly mode: number; readonly mtime: Date } & Owner,
  content: OpenNode | StraightContent,
  signal: AbortSignal,
): Promise<void> {
  const write = async (size: number, bytes: AsyncIterable<Uint8Array>): Promise<void> => {
    const sink = writer.entry({ ...header, type: 'file', size });
    await pipeline(bytes, sink as unknown as NodeJS.WritableStream);
  };
  if ('bytes' in content) {
    await write(content.sizeBytes, content.bytes(signal));
    return;
  }
  const { sizeBytes } = content.facts;
  const file = await openContent(content);
  try {
    await write(sizeBytes, exactly(sizeBytes, header.name, readContent(file, { sizeBytes, signal })));
  } finally {
    await file.close();
  }
}

/** A tar whose files are not as long as it says cannot be read any further. */
async function* exactly(
  sizeBytes: NodeFacts['sizeBytes'],
  name: string,
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = sizeBytes;
  for await (const chunk of bytes) {
    left -= chunk.byteLength;
    if (left < 0) break;
    lendChunk(chunk);
    yield chunk;
  }
  if (left !== 0) throw failed(`${JSON.stringify(name)} changed while it was sent to the engine`);
}

function textOf(names: readonly Buffer[]): string {
  return names
    .map((name) => {
      const text = name.toString();
      if (Buffer.from(text).equals(name)) return text;
      throw failed(`${JSON.stringify(text)} has a name that is not UTF-8, which is not sent to an engine`);
    })
    .join('/');
}

const failed = (problem: string): WorkspaceError => new WorkspaceError('workspace.failed', problem);
