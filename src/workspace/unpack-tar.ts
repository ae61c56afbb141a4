/** Unpacks what an engine says a job left, trusting neither. It makes files and folders only, and judges no output but by what it costs. */
import { type FileHandle, link } from 'node:fs/promises';
import type { Header } from 'tar-stream';
import { once } from '../host/chunks.js';
import { createUnhashedFile } from '../host/file-content.js';
import { makeFolders } from '../host/folders.js';
import { childPath, errorCode, type NodeType, openChild } from '../host/node.js';
import { isBeyondReach } from './engine-reach.js';
import type { GlobMatcher } from './glob-matcher.js';
import type { OutputAccount } from './output-account.js';
import { brokenTar, readTar, type TarSource } from './read-tar.js';
import { RejectedError } from './rejection.js';

/** How a tar is unpacked. */
export interface UnpackOptions {
  /** An open folder that nobody else writes to. */
  readonly folder: FileHandle;
  /** The path in that folder, and in the workspace, of what the tar is of; empty: the workspace itself. */
  readonly names: readonly string[];
  /** What the tar calls it. */
  readonly rootName: string;
  /** Null: everything is taken. */
  readonly glob: GlobMatcher | null;
  /** Whether something, by its path in the workspace, is none of the job's. What is beneath it is not either. */
  readonly isOurs: (path: string, target: string | null) => boolean;
  readonly account: OutputAccount;
  readonly maxDepth: number;
  readonly signal: AbortSignal;
}

/** What was unpacked. */
export interface Unpacked {
  /** By `device:inode`, what the empty files stand for that stand in for what is never made here: links, FIFOs and devices. */
  readonly standIns: ReadonlyMap<string, NodeType>;
  /** There was no entry at all. */
  readonly isEmpty: boolean;
}

const TYPES: Readonly<Record<string, NodeType | 'hard link'>> = {
  file: 'file',
  'contiguous-file': 'file',
  directory: 'directory',
  symlink: 'symlink',
  fifo: 'fifo',
  'character-device': 'device',
  'block-device': 'device',
  link: 'hard link',
};

const BEYOND_REACH = 'holds a folder whose path is too long for the engine to give all that is in it';

const MODES = { folder: 0o700, file: 0o600 } as const;

/**
 * Unpacks a tar to its end. When it rejects, a part of it may be there.
 *
 * @throws {@link RejectedError} beyond a limit, before what is too much is read; `engine.failed` for a tar that is cut off or no engine would
 * make; what the tar rejects with; the signal's reason.
 */
export async function unpackTar(tar: AsyncIterable<Uint8Array>, options: UnpackOptions): Promise<Unpacked> {
  const standIns = new Map<string, NodeType>();
  const taken = new Map<string, number>();
  const count = await readTar(tar, options.signal, async (entry) => {
    await unpackEntry(entry, { ...options, standIns, taken });
    return 'more';
  });
  return { standIns, isEmpty: count === 0 };
}

interface Unpacking extends UnpackOptions {
  readonly standIns: Map<string, NodeType>;
  /** Sizes of the files that were made, by their path in the tar. */
  readonly taken: Map<string, number>;
}

async function unpackEntry(source: TarSource, unpacking: Unpacking): Promise<void> {
  const { header } = source;
  const { names, account, maxDepth, isOurs, glob, taken } = unpacking;
  const inTar = namesOf(header.name, unpacking.rootName);
  const inside = inTar.slice(1);
  const full = [...names, ...inside];
  const pathAt = (length: number): string => full.slice(0, length).join('/');
  const type = TYPES[header.type];
  if (type === undefined) throw brokenTar(`it holds ${JSON.stringify(header.name)}, of an unknown kind`);
  const above = inside.slice(0, -1).map((_, index) => pathAt(names.length + index + 1));
  if (above.some((path) => isOurs(path, null) || glob?.mayMatchBeneath(path) === false)) return;
  const path = full.join('/');
  if (isOurs(path, type === 'symlink' ? header.linkname : null)) return;
  if (inside.length > maxDepth) {
    const problem = `it is nested deeper than ${String(maxDepth)} folders`;
    throw new RejectedError('limit', `a folder is too large: ${problem}`);
  }
  if (inside.length > 0 || type !== 'directory') account.addEntry();
  if (type === 'directory') {
    if (isBeyondReach(path) && glob?.mayMatchBeneath(path) !== false)
      throw new RejectedError('limit', BEYOND_REACH);
    const made = await possible(full, async () =>
      makeFolders(unpacking.folder, full, { mode: MODES.folder }),
    );
    await made.handle.close();
    return;
  }
  if (full.length === 0) throw brokenTar('it is not of a folder');
  if (glob?.matches(path) === false) return;
  const relativePath = inside.join('/');
  if (type === 'hard link') {
    await unpackHardLink(header, { ...unpacking, full, relativePath });
  } else if (type === 'file') {
    account.addFile(relativePath, header.size);
    await beneath(unpacking, full, async (folder, name) =>
      createUnhashedFile(folder, name, source as AsyncIterable<Uint8Array>, {
        mode: MODES.file,
        signal: unpacking.signal,
      }),
    );
    taken.set(inTar.join('/'), header.size);
  } else {
    await makeStandIn(type, full, unpacking);
  }
}

/** The names of an entry in the tar. Whatever could lead out of it is not made by any engine. */
function namesOf(name: string, rootName: string): readonly string[] {
  const names = name.replace(/\/$/, '').split('/');
  const isPlain = names.every((each) => each !== '' && each !== '.' && each !== '..' && !each.includes('\0'));
  if (!isPlain || names[0] !== rootName) {
    throw brokenTar(`it holds ${JSON.stringify(name)}, which is not beneath ${JSON.stringify(rootName)}`);
  }
  // The reader puts it in the place of bytes that are not UTF-8: two names could become one.
  if (name.includes('\uFFFD')) {
    throw new RejectedError('kind', `holds ${JSON.stringify(name)}, a name that is not UTF-8`);
  }
  return names;
}

async function unpackHardLink(
  header: Header,
  unpacking: Unpacking & { readonly full: readonly string[]; readonly relativePath: string },
): Promise<void> {
  const { taken, account, full, relativePath, names, rootName } = unpacking;
  const target = namesOf(header.linkname, rootName);
  const sizeBytes = taken.get(target.join('/'));
  if (sizeBytes === undefined) {
    const what = JSON.stringify(relativePath);
    throw new RejectedError('kind', `holds ${what}, a second name of a file that is not part of the output`);
  }
  account.addFile(relativePath, sizeBytes);
  await beneath(unpacking, [...names, ...target.slice(1)], async (from, oldName) =>
    beneath(unpacking, full, async (to, newName) => link(childPath(from, oldName), childPath(to, newName))),
  );
  taken.set([rootName, ...full.slice(names.length)].join('/'), sizeBytes);
}

/** Nothing that a job made into a link or a device becomes one here. */
async function makeStandIn(
  type: NodeType,
  full: readonly string[],
  { standIns, signal, ...unpacking }: Unpacking,
): Promise<void> {
  await beneath(unpacking, full, async (folder, name) => {
    await createUnhashedFile(folder, name, once(new Uint8Array()), { mode: MODES.file, signal });
    const node = await openChild(folder, name);
    standIns.set(node.facts.identity, type);
    await node.handle.close();
  });
}

/** Does something in the folder that a path lies in. */
async function beneath(
  { folder }: Pick<Unpacking, 'folder'>,
  full: readonly string[],
  work: (folder: FileHandle, name: string) => Promise<unknown>,
): Promise<void> {
  await possible(full, async () => {
    const parent = await makeFolders(folder, full.slice(0, -1), { mode: MODES.folder });
    try {
      await work(parent.handle, full.at(-1) ?? '');
    } finally {
      await parent.handle.close();
    }
  });
}

/** One path stands for one thing, and nothing lies beneath a file. */
async function possible<T>(full: readonly string[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = errorCode(error);
    const isTaken = code === 'EEXIST' || code === 'ENOTDIR';
    throw isTaken ? brokenTar(`it holds ${JSON.stringify(full.join('/'))} beside what is in its way`) : error;
  }
}
