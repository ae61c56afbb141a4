/** Brings outputs here from a workspace that this host does not see, one at a time and within their limits. It judges none but by what it costs. */
import type { FileHandle } from 'node:fs/promises';
import { globBase, isGlob } from '../base/glob.js';
import type { ContainerPathType } from '../engine/types.js';
import { JobRuntimeError } from '../errors.js';
import { makeFolder } from '../host/folders.js';
import type { NodeType } from '../host/node.js';
import type { PlannedLimits } from '../plan/run-plan.js';
import { createGlobMatcher } from './glob-matcher.js';
import { createOutputAccount, type OutputRoom } from './output-account.js';
import { KINDS, RejectedError } from './rejection.js';
import { unpackTar } from './unpack-tar.js';

/** A workspace that nothing changes any more, as an engine shows it. Paths are lists of names; the empty one is the workspace itself. */
export interface RemoteWorkspace {
  /** What the last name of the workspace's own path is. */
  readonly rootName: string;
  readonly lookAt: (names: readonly string[], signal: AbortSignal) => Promise<ContainerPathType | null>;
  readonly copyOut: (names: readonly string[], signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;
  /** Whether something, by its path in the workspace, was put there by us; `target` is that of a link. */
  readonly isOurs: (path: string, target: string | null) => boolean;
}

/** What an output may cost. */
interface BringOptions {
  readonly room: OutputRoom;
  readonly limits: Pick<PlannedLimits, 'fileBytes' | 'depth'>;
  readonly signal: AbortSignal;
}

/** An output where it can be looked at. */
export interface Brought {
  /** A folder of its own, in which it has the path it has in the workspace; the bringer closes it. */
  readonly workspace: FileHandle;
  /** By `device:inode`, what empty files in it stand for. */
  readonly standIns: ReadonlyMap<string, NodeType>;
}

/** Brings outputs. */
export interface OutputBringer {
  /**
   * Brings what stands at the place of an output, if anything does.
   *
   * @throws {@link RejectedError} beyond a limit, and for a path that leads through a link; `engine.failed` for a tar that is broken.
   */
  bring(workspacePath: string, options: BringOptions): Promise<Brought>;
  /** Closes every folder; what is in them stays. */
  close(): Promise<void>;
}

const NOTHING: ReadonlyMap<string, NodeType> = new Map();
const FOLDER_MODE = 0o700;

/** Brings outputs into an open folder of this host, each into a new folder in it. */
export function createOutputBringer(remote: RemoteWorkspace, into: FileHandle): OutputBringer {
  const folders: FileHandle[] = [];
  return {
    async bring(workspacePath, options) {
      const { handle } = await makeFolder(into, String(folders.length), { mode: FOLDER_MODE });
      folders.push(handle);
      return { workspace: handle, standIns: await bringInto(handle, remote, workspacePath, options) };
    },
    async close() {
      for (const folder of folders.splice(0)) await folder.close();
    },
  };
}

async function bringInto(
  folder: FileHandle,
  remote: RemoteWorkspace,
  workspacePath: string,
  { room, limits, signal }: BringOptions,
): Promise<ReadonlyMap<string, NodeType>> {
  const ofGlob = isGlob(workspacePath);
  const base = ofGlob ? globBase(workspacePath) : workspacePath;
  const names = base === '' ? [] : base.split('/');
  let last: ContainerPathType = 'directory';
  for (let length = 1; length <= names.length; length += 1) {
    const type = await remote.lookAt(names.slice(0, length), signal);
    if (type === null) return NOTHING;
    const isOnTheWay = ofGlob || length < names.length;
    if (isOnTheWay && type === 'file') return NOTHING;
    // Engines follow a link on the way.
    if (isOnTheWay && type !== 'directory') throw new RejectedError('kind', blockedBy(type));
    last = type;
  }
  const { standIns, isEmpty } = await unpackTar(await copyOut(remote, names, last, signal), {
    folder,
    names,
    rootName: names.at(-1) ?? remote.rootName,
    glob: ofGlob ? await createGlobMatcher(workspacePath) : null,
    isOurs: remote.isOurs,
    account: createOutputAccount(room, limits),
    maxDepth: limits.depth,
    signal,
  });
  // There is something, but tars know no sockets.
  if (isEmpty) throw new RejectedError('kind', notWanted('socket'));
  return standIns;
}

async function copyOut(
  remote: RemoteWorkspace,
  names: readonly string[],
  type: ContainerPathType,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  try {
    return await remote.copyOut(names, signal);
  } catch (error) {
    // Engines fail for a link that leads to itself.
    const isOfLink =
      type === 'symlink' && JobRuntimeError.isInstance(error) && error.code === 'engine.failed';
    throw isOfLink ? new RejectedError('kind', notWanted('symlink')) : error;
  }
}

const notWanted = (type: NodeType): string => `is ${KINDS[type]}, not a regular file or a folder`;

const blockedBy = (type: ContainerPathType): string =>
  `has ${type === 'symlink' ? KINDS.symlink : 'a special file'} in its path, which is never followed`;
