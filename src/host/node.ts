/** Opens file-system nodes without ever following a link, and tells what they are. It reads and writes no content. */
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { WorkspaceError } from '../errors.js';
import { openByPath, openSame, pathOfHandle } from './path-nodes.js';
import { thisProcess } from './this-process.js';

/** What a node is. */
export type NodeType = 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'device';

/** What the kernel says about an opened node. */
export interface NodeFacts {
  readonly type: NodeType;
  /** `device:inode`: the same string means the same node, whatever its name. */
  readonly identity: string;
  /** Logical size: a sparse file may claim far more than it holds. */
  readonly sizeBytes: number;
  /** Permission bits, `0o7777`. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Names this node has. */
  readonly links: number;
  /** Last change of content or attributes (ctime) in nanoseconds; no program can set it back. */
  readonly changedNs: bigint;
}

/** A node held open: it stays this node whatever happens to its name. The handle is for its identity, not its content; close it. */
export interface OpenNode {
  readonly handle: FileHandle;
  readonly facts: NodeFacts;
}

/** Where a path led: to a node, to nothing, or into something on the way that is no folder. */
export interface Located {
  readonly node: OpenNode | null;
  readonly blockedBy: NodeType | null;
}

/** A name in a folder; bytes where it need not be valid UTF-8. */
export type NodeName = string | Buffer;

const SEPARATOR = Buffer.from('/');

// open(2): a handle to the node itself. Nothing is opened, so a FIFO cannot block and a device cannot react. Not in node:fs.
const O_PATH = 0o10000000;

/** The code of a system error, for example `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  const code: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined;
  return typeof code === 'string' ? code : undefined;
}

const isLinux = (): boolean => thisProcess.platform === 'linux';

/** A path to the node behind a handle, safe from every later rename; off Linux the one it was found at. */
export function handlePath(handle: FileHandle): string | Buffer {
  return isLinux() ? `/proc/self/fd/${String(handle.fd)}` : pathOfHandle(handle);
}

/**
 * A path to a name in an open folder.
 *
 * @throws `workspace.failed` when the name is not a single one.
 */
export function childPath(directory: FileHandle, name: NodeName): string | Buffer {
  const bytes = typeof name === 'string' ? Buffer.from(name) : name;
  const text = bytes.toString('latin1');
  // A separator or `..` would let the kernel walk on past the folder that was checked.
  if (text === '' || text === '.' || text === '..' || text.includes('/') || text.includes('\0')) {
    throw new WorkspaceError(
      'workspace.failed',
      `${JSON.stringify(text)} is not the name of one file or folder`,
    );
  }
  const path = handlePath(directory);
  if (typeof name === 'string' && typeof path === 'string') return `${path}/${name}`;
  return Buffer.concat([Buffer.from(path), SEPARATOR, bytes]);
}

/**
 * Opens a folder by its absolute path. The last part of the path must not be a link; earlier parts may.
 *
 * @throws `workspace.unsupported_platform` on Windows; else the system's error, `ENOTDIR` for a link.
 */
export async function openDirectory(path: string): Promise<OpenNode> {
  requirePosix();
  return openNode(path, constants.O_DIRECTORY);
}

/**
 * What an absolute path stands for, a link being one; the node is not held open.
 *
 * @throws as {@link openDirectory} does.
 */
export async function lookAt(path: string): Promise<NodeFacts> {
  requirePosix();
  return toFacts(await lstat(path, { bigint: true }));
}

function requirePosix(): void {
  if (thisProcess.platform !== 'win32') return;
  // Names that are paths there (`a\b`, `a:b`, `nul`) are refused nowhere yet.
  throw new WorkspaceError('workspace.unsupported_platform', 'files cannot be handled safely on Windows', {
    hint: 'run in the Windows Subsystem for Linux',
  });
}

/** Opens what an absolute path stands for, a link being one. Rejects as {@link openDirectory} does, `ENOENT` if there is nothing. */
export async function openAt(path: string | Buffer): Promise<OpenNode> {
  requirePosix();
  return openNode(path, 0);
}

/** Opens what a name in a folder stands for; a link is opened as a link. Rejects with the system's error, `ENOENT` if there is nothing. */
export async function openChild(directory: FileHandle, name: NodeName): Promise<OpenNode> {
  return openNode(childPath(directory, name), 0);
}

/** The same, or null where nothing is. */
export async function findChild(directory: FileHandle, name: NodeName): Promise<OpenNode | null> {
  try {
    return await openChild(directory, name);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Walks down from an open folder, name by name, never through a link. Without names it opens the folder again. */
export async function openBeneath(directory: FileHandle, names: readonly NodeName[]): Promise<Located> {
  let node = await openAgain(directory);
  for (const name of names) {
    const parent = node;
    if (parent.facts.type !== 'directory') {
      await parent.handle.close();
      return { node: null, blockedBy: parent.facts.type };
    }
    try {
      node = await openChild(parent.handle, name);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return { node: null, blockedBy: null };
      throw error;
    } finally {
      await parent.handle.close();
    }
  }
  return { node, blockedBy: null };
}

/**
 * Opens the content of a regular file for reading; exactly the node behind the handle, whatever its name stands for by now.
 *
 * @throws `workspace.failed` when the node is not a regular file: opening a device or a FIFO has effects.
 */
export async function openContent(node: OpenNode): Promise<FileHandle> {
  if (node.facts.type !== 'file') {
    throw new WorkspaceError('workspace.failed', `a ${node.facts.type} cannot be read as a file`);
  }
  const path = handlePath(node.handle);
  return isLinux()
    ? open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    : openSame(path, await node.handle.stat({ bigint: true }));
}

/** A handle of its own to an open folder. */
async function openAgain(directory: FileHandle): Promise<OpenNode> {
  const path = handlePath(directory);
  if (isLinux()) return openNode(path, constants.O_DIRECTORY, true);
  const { dev, ino } = await directory.stat({ bigint: true });
  const node = await openNode(path, constants.O_DIRECTORY);
  if (node.facts.identity === `${String(dev)}:${String(ino)}`) return node;
  await node.handle.close();
  throw new WorkspaceError('workspace.failed', `${path.toString()} was exchanged while it was used`);
}

async function openNode(path: string | Buffer, flags: number, viaHandle = false): Promise<OpenNode> {
  if (!isLinux()) {
    const { handle, stats } = await openByPath(path, (flags & constants.O_DIRECTORY) !== 0);
    return { handle, facts: toFacts(stats) };
  }
  const noFollow = viaHandle ? 0 : constants.O_NOFOLLOW;
  const handle = await open(path, O_PATH | noFollow | flags);
  try {
    return { handle, facts: toFacts(await handle.stat({ bigint: true })) };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function toFacts(stats: BigIntStats): NodeFacts {
  return {
    type: typeOf(stats),
    identity: `${String(stats.dev)}:${String(stats.ino)}`,
    sizeBytes: Number(stats.size),
    mode: Number(stats.mode) & 0o7777,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    links: Number(stats.nlink),
    changedNs: stats.ctimeNs,
  };
}

function typeOf(stats: BigIntStats): NodeType {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isFIFO()) return 'fifo';
  if (stats.isSocket()) return 'socket';
  return 'device';
}
