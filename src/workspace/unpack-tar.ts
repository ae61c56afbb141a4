/** Unpacks what an engine says a job left, trusting neither. It makes files and folders only, and judges no output but by what it costs. */
import { type FileHandle, link } from 'node:fs/promises';
import type { Extract, Header } from 'tar-stream';
import { EngineError } from '../errors.js';
import { interruptible, once } from '../host/chunks.js';
import { createUnhashedFile } from '../host/file-content.js';
import { makeFolders } from '../host/folders.js';
import { childPath, errorCode, type NodeType, openChild } from '../host/node.js';
import type { GlobMatcher } from './glob-matcher.js';
import type { OutputAccount } from './output-account.js';
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

/** Two empty blocks. */
const TRAILER_BYTES = 1024;
const BLOCK_BYTES = 512;
const MODES = { folder: 0o700, file: 0o600 } as const;

/**
 * Reads a tar to its end. When it rejects, a part of it may be there.
 *
 * @throws {@link RejectedError} beyond a limit, before what is too much is read; `engine.failed` for a tar that is cut off or no engine would
 * make; what the tar rejects with; the signal's reason.
 */
export async function unpackTar(tar: AsyncIterable<Uint8Array>, options: UnpackOptions): Promise<Unpacked> {
  const { extract } = await import('tar-stream');
  const reader = extract();
  const standIns = new Map<string, NodeType>();
  const taken = new Map<string, number>();
  const count = { fed: 0, ends: 0 };
  // What the reader has against the tar; there is none where reading is broken off.
  const opinion: { problem: Error | null } = { problem: null };
  reader.once('error', (error) => {
    opinion.problem = error;
  });
  const feeding = feed(reader, tar, count, options.signal);
  try {
    for await (const source of reader) {
      const { header } = source;
      count.ends = endOf(header);
      await unpackEntry(source, { ...options, standIns, taken });
      // What was not read is passed over.
      source.resume();
    }
    await feeding.settled;
  } catch (error) {
    options.signal.throwIfAborted();
    const failure = feeding.failure();
    if (failure !== null) throw failure;
    const { problem } = opinion;
    if (problem !== null) throw broken(problem.message, problem);
    throw error;
  } finally {
    reader.destroy();
    await feeding.settled;
  }
  if (count.fed - count.ends < TRAILER_BYTES) throw broken('it is cut off');
  return { standIns, isEmpty: count.ends === 0 };
}

interface Feeding {
  readonly settled: Promise<void>;
  /** What the tar itself rejected with. */
  failure(): Error | null;
}

/** Hands the tar to its reader, no faster than it is read, until that is closed. */
function feed(
  reader: Extract,
  tar: AsyncIterable<Uint8Array>,
  count: { fed: number },
  signal: AbortSignal,
): Feeding {
  let failure: Error | null = null;
  const over = new AbortController();
  const closed = new Promise<void>((resolve) => {
    reader.once('close', () => {
      over.abort();
      resolve();
    });
  });
  const run = async (): Promise<void> => {
    try {
      for await (const chunk of interruptible(tar, AbortSignal.any([signal, over.signal]))) {
        count.fed += chunk.byteLength;
        if (reader.write(chunk)) continue;
        await Promise.race([new Promise<void>((resolve) => reader.once('drain', resolve)), closed]);
        if (reader.destroyed) return;
      }
      reader.end(null);
    } catch (error) {
      // A reader that is closed already wants no more.
      if (over.signal.aborted) return;
      failure = error instanceof Error ? error : new Error(String(error));
      reader.destroy(failure);
    }
  };
  return { settled: run(), failure: () => failure };
}

const endOf = (header: Header): number => {
  const start = Number(Reflect.get(header, 'byteOffset'));
  const sizeBytes = header.type === 'directory' ? 0 : header.size;
  return start + Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
};

/** One entry with its bytes. */
type Source = Extract extends AsyncIterable<infer Entry> ? Entry : never;

interface Unpacking extends UnpackOptions {
  readonly standIns: Map<string, NodeType>;
  /** Sizes of the files that were made, by their path in the tar. */
  readonly taken: Map<string, number>;
}

async function unpackEntry(source: Source, unpacking: Unpacking): Promise<void> {
  const { header } = source;
  const { names, account, maxDepth, isOurs, glob, taken } = unpacking;
  const inTar = namesOf(header.name, unpacking.rootName);
  const inside = inTar.slice(1);
  const full = [...names, ...inside];
  const pathAt = (length: number): string => full.slice(0, length).join('/');
  const type = TYPES[header.type];
  if (type === undefined) throw broken(`it holds ${JSON.stringify(header.name)}, of an unknown kind`);
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
    const made = await possible(full, async () =>
      makeFolders(unpacking.folder, full, { mode: MODES.folder }),
    );
    await made.handle.close();
    return;
  }
  if (full.length === 0) throw broken('it is not of a folder');
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
    throw broken(`it holds ${JSON.stringify(name)}, which is not beneath ${JSON.stringify(rootName)}`);
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
    throw isTaken ? broken(`it holds ${JSON.stringify(full.join('/'))} beside what is in its way`) : error;
  }
}

function broken(problem: string, cause?: unknown): EngineError {
  return new EngineError('engine.failed', `The engine's tar of an output cannot be used: ${problem}.`, {
    cause,
  });
}
