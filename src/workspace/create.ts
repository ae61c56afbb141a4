/** Makes, checks and removes the folder of one run. It puts nothing into it but two empty folders. */
import { join, resolve } from 'node:path';
import type { Owner } from '../host/file-content.js';
import { makeFolder } from '../host/folders.js';
import { persistently } from '../host/persist.js';
import { removeTreeAt } from '../host/remove-tree.js';
import { type NodeFacts, openDirectory, type OpenNode } from '../host/node.js';
import { INPUTS_FOLDER, runFolderPrefix, WORKSPACE_FOLDER } from './layout.js';
import { makeMarkedFolder, type OwnerMark } from './owner-mark.js';
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
  readonly inputs: string;
}

/** The folder of one run. */
export interface Workspace {
  /** Absolute, free of links; 0700 of the caller. */
  readonly path: string;
  /** The writable part; 0700 of the run's user. The container sees only this, as a mount. */
  readonly workspacePath: string;
  /** The read-only part; each entry is mounted by itself. */
  readonly inputsPath: string;
  readonly identity: WorkspaceIdentity;
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

/** Opens the read-only part; as {@link openWorkspaceFolder}. */
export async function openInputsFolder(workspace: Workspace): Promise<OpenNode> {
  return openIdentical(workspace.inputsPath, workspace.identity.inputs);
}

async function fillRunFolder(path: string, user: Owner): Promise<Workspace> {
  const run = await openDirectory(path);
  try {
    // The run folder keeps others on this host out; the daemon, which binds what is inside, is root or the caller.
    const workspace = await makeAndClose(run, WORKSPACE_FOLDER, { mode: 0o700, owner: user });
    const inputs = await makeAndClose(run, INPUTS_FOLDER, { mode: 0o700 });
    const identity = { run: run.facts.identity, workspace: workspace.identity, inputs: inputs.identity };
    return toWorkspace(path, identity);
  } finally {
    await run.handle.close();
  }
}

function toWorkspace(path: string, identity: WorkspaceIdentity): Workspace {
  const workspacePath = join(path, WORKSPACE_FOLDER);
  const inputsPath = join(path, INPUTS_FOLDER);
  return {
    path,
    workspacePath,
    inputsPath,
    identity,
    async verify() {
      await verifyFolders([
        [path, identity.run],
        [workspacePath, identity.workspace],
        [inputsPath, identity.inputs],
      ]);
    },
    async remove(signal) {
      try {
        await removeTreeAt(path, { identity: identity.run, signal });
      } catch (error) {
        signal?.throwIfAborted();
        throw toWorkspaceError(`${path} could not be removed completely`, error);
      }
    },
  };
}

async function makeAndClose(
  directory: OpenNode,
  name: string,
  options: { readonly mode: number; readonly owner?: Owner },
): Promise<NodeFacts> {
  const node = await makeFolder(directory.handle, name, options);
  await node.handle.close();
  return node.facts;
}
