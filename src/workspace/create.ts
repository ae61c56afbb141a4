/** Makes, checks and removes the folder of one run. It puts nothing into it but empty folders. */
import { rmdir, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Owner } from '../host/file-content.js';
import { makeFolderAt } from '../host/folders.js';
import { persistently } from '../host/persist.js';
import { removeTreeAt } from '../host/remove-tree.js';
import { lookAt, type OpenNode } from '../host/node.js';
import { INPUTS_FOLDER, runFolderPrefix, WORKSPACE_FOLDER } from './layout.js';
import { makeMarkedFolder, MARK_FILE, type OwnerMark } from './owner-mark.js';
import { openIdentical, prepareRoot, toWorkspaceError, verifyFolders } from './run-folder.js';

/** For whom a run's folder is made. */
export interface CreateWorkspaceOptions {
  /** Goes into the folder's name, for people; need not be unique. */
  readonly name: string;
  /** Who the container's processes are. Another user than the caller's needs a root caller. */
  readonly user: Owner;
  /** Whose it is, for whoever finds it after a crash. Without one it is never removed by anybody else. */
  readonly mark?: OwnerMark | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** `device:inode` of the folders of a run: the same string means the same folder, whatever its path. */
interface WorkspaceIdentity {
  readonly run: string;
  readonly workspace: string;
  /** Null while nothing was to be put into it, and so it was not made. */
  readonly inputs: string | null;
}

/** The folder of one run. */
export interface Workspace {
  /** Absolute, free of links; 0700 of the caller. */
  readonly path: string;
  /** The writable part; 0700 of the run's user. The container sees only this, as a mount. */
  readonly workspacePath: string;
  /** The read-only part, made when it is opened first; each entry is mounted by itself. */
  readonly inputsPath: string;
  readonly identity: WorkspaceIdentity;
  /**
   * Opens the read-only part. The handle is the caller's to close.
   *
   * @throws `workspace.failed` when it is not the folder that was made.
   */
  openInputs(): Promise<OpenNode>;
  /**
   * Makes sure that every path still stands for the folder that was made, just before an engine is told to mount it.
   *
   * @throws `workspace.failed`.
   */
  verify(): Promise<void>;
  /**
   * Removes everything; what is not there any more is success.
   *
   * @throws `workspace.failed` when something could not be removed.
   */
  remove(signal?: AbortSignal): Promise<void>;
}

/**
 * Makes a new folder for a run beneath a root. The root is made if it is missing; it must be a folder of the caller's that nobody else may
 * write to, and not a link: whoever can replace it decides what is mounted.
 *
 * @throws `workspace.failed`; `workspace.unsupported_platform`; the signal's reason.
 */
export async function createWorkspace(root: string, options: CreateWorkspaceOptions): Promise<Workspace> {
  options.signal?.throwIfAborted();
  try {
    const rootPath = await prepareRoot(resolve(root), 'workspaceRoot');
    const path = await makeMarkedFolder(rootPath, runFolderPrefix(options.name), options.mark ?? null);
    try {
      const workspace = await fillRunFolder(path, options.user);
      options.signal?.throwIfAborted();
      return workspace;
    } catch (error) {
      await persistently(async () => removeTreeAt(path)).catch(() => undefined);
      throw error;
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    throw toWorkspaceError('the folder for this run could not be made', error);
  }
}

/**
 * The folder of a run that another process made, by its path and identity.
 *
 * @throws `workspace.failed` when it is not there, or not that folder.
 */
export async function reopenWorkspace({
  path,
  identity,
}: Pick<Workspace, 'path' | 'identity'>): Promise<Workspace> {
  const workspace = toWorkspace(path, identity);
  await workspace.verify();
  return workspace;
}

/**
 * Opens the writable part of a run's folder, by path and then by identity. The handle is the caller's to close.
 *
 * @throws `workspace.failed` when it is not the folder that was made.
 */
export async function openWorkspaceFolder(workspace: Workspace): Promise<OpenNode> {
  return openIdentical(workspace.workspacePath, workspace.identity.workspace);
}

/** Opens the run's folder itself; as {@link openWorkspaceFolder}. */
export async function openRunFolder(workspace: Workspace): Promise<OpenNode> {
  return openIdentical(workspace.path, workspace.identity.run);
}

/** By path: nobody else may write to the root, and what will run in the folder does not run yet. */
async function fillRunFolder(path: string, user: Owner): Promise<Workspace> {
  // The run folder keeps others on this host out; the daemon, which binds what is inside, is root or the caller.
  const workspace = await makeFolderAt(join(path, WORKSPACE_FOLDER), { mode: 0o700, owner: user });
  const run = await lookAt(path);
  return toWorkspace(path, { run: run.identity, workspace: workspace.identity, inputs: null });
}

function toWorkspace(path: string, made: WorkspaceIdentity): Workspace {
  const identity = { ...made };
  const workspacePath = join(path, WORKSPACE_FOLDER);
  const inputsPath = join(path, INPUTS_FOLDER);
  return {
    path,
    workspacePath,
    inputsPath,
    identity,
    async openInputs() {
      identity.inputs ??= await makeInputs(inputsPath);
      return openIdentical(inputsPath, identity.inputs);
    },
    async verify() {
      await verifyFolders([
        [path, identity.run],
        [workspacePath, identity.workspace],
        ...(identity.inputs === null ? [] : [[inputsPath, identity.inputs] as const]),
      ]);
    },
    async remove(signal) {
      try {
        signal?.throwIfAborted();
        if (identity.inputs === null && (await isRemovedAtOnce(path, identity.run))) return;
        await removeTreeAt(path, { identity: identity.run, signal });
      } catch (error) {
        signal?.throwIfAborted();
        throw toWorkspaceError(`${path} could not be removed completely`, error);
      }
    },
  };
}

async function makeInputs(path: string): Promise<string> {
  try {
    return (await makeFolderAt(path, { mode: 0o700 })).identity;
  } catch (error) {
    throw toWorkspaceError('the folder for inputs could not be made', error);
  }
}

/** Many jobs leave nothing in their workspace, and then nothing need be opened. What else keeps the folder from being removed is found out by opening it. */
async function isRemovedAtOnce(path: string, identity: string): Promise<boolean> {
  try {
    if ((await lookAt(path)).identity !== identity) return false;
    await rmdir(join(path, WORKSPACE_FOLDER));
    // After what it marks: without it, nobody could tell whose that is.
    await unlink(join(path, MARK_FILE));
    await rmdir(path);
    return true;
  } catch {
    return false;
  }
}
