/** Folders of one run beneath a root that is the caller's alone: the root checked, the folder found again only as the same. */
import { access, constants, mkdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { JobRuntimeError, WorkspaceError } from '../errors.js';
import { errorCode, lookAt, openDirectory, type OpenNode } from '../host/node.js';
import { notAFolder } from '../host/path-nodes.js';
import { thisProcess } from '../host/this-process.js';

/** The keys of the configuration that name a root. */
export type RootSetting = 'workspaceRoot' | 'secretsRoot';

const ROOT_NAMES: Readonly<Record<RootSetting, string>> = {
  workspaceRoot: 'the workspace root',
  secretsRoot: 'the root of secret files',
};

/** An error of berthkit as it is; anything else as `workspace.failed`. */
export function toWorkspaceError(what: string, error: unknown): unknown {
  if (JobRuntimeError.isInstance(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = errorCode(error);
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  const hint = isFull
    ? 'free some space on the disk of workspaceRoot, or set another workspaceRoot'
    : undefined;
  return new WorkspaceError('workspace.failed', `${what}: ${message}`, { cause: error, hint });
}

/**
 * Makes a root if it is missing and gives its path, free of links.
 *
 * @throws `workspace.failed` unless it is a folder of the caller's that nobody else may write to, and not a link.
 */
export async function prepareRoot(root: string, setting: RootSetting): Promise<string> {
  try {
    return await checkedRoot(root, setting);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    await makePath(root);
    return checkedRoot(root, setting);
  }
}

/** Why a run could not use a root, in words; null if it could, as far as can be told without making it. */
export async function rootProblem(given: string, setting: RootSetting): Promise<string | null> {
  const root = resolve(given);
  try {
    await checkedRoot(root, setting);
    return null;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return makingProblem(root, setting);
    const message = error instanceof Error ? error.message : String(error);
    return error instanceof WorkspaceError ? message : `${ROOT_NAMES[setting]} ${root}: ${message}`;
  }
}

/** The same of a root that is missing: the nearest folder that is there must take another. */
async function makingProblem(root: string, setting: RootSetting): Promise<string | null> {
  for (let parent = dirname(root); ; parent = dirname(parent)) {
    try {
      await access(parent, constants.W_OK | constants.X_OK);
      return null;
    } catch (error) {
      if (errorCode(error) === 'ENOENT' && parent !== dirname(parent)) continue;
      return `${ROOT_NAMES[setting]} ${root} cannot be made in ${parent} (${errorCode(error) ?? 'unknown failure'})`;
    }
  }
}

async function checkedRoot(root: string, setting: RootSetting): Promise<string> {
  const refuse = (path: string, problem: string): WorkspaceError =>
    new WorkspaceError('workspace.failed', `${ROOT_NAMES[setting]} ${path} ${problem}`, {
      hint: `set ${setting} to a folder of this user that nobody else may write to`,
    });
  // Links further up are the operator's own; from here on there are none in the path.
  const path = join(await realpath(dirname(root)), basename(root));
  const facts = await lookAt(path);
  if (facts.type === 'symlink') throw refuse(root, 'is a symbolic link; give the folder it points to');
  if (facts.type !== 'directory') throw notAFolder(path);
  const uid = thisProcess.geteuid?.();
  if (facts.uid !== uid) throw refuse(path, `belongs to uid ${String(facts.uid)}, not to uid ${String(uid)}`);
  if ((facts.mode & 0o022) !== 0) {
    throw refuse(path, `may be written to by others (mode ${facts.mode.toString(8)}); make it 0700`);
  }
  return path;
}

/** Not by `recursive`: beneath a folder that is there but takes none, such as `/proc`, Node tries for ever. */
async function makePath(path: string): Promise<void> {
  const make = async (): Promise<void> => {
    try {
      await mkdir(path, { mode: 0o700 });
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  };
  try {
    await make();
  } catch (error) {
    const parent = dirname(path);
    if (errorCode(error) !== 'ENOENT' || parent === path) throw error;
    await makePath(parent);
    await make();
  }
}

/**
 * Opens a folder by path and then by identity. The handle is the caller's to close.
 *
 * @throws `workspace.failed` when it is not the folder that was made.
 */
export async function openIdentical(path: string, identity: string): Promise<OpenNode> {
  const node = await openDirectory(path).catch(notTheFolder(path));
  if (node.facts.identity === identity) return node;
  await node.handle.close();
  throw anotherFolder(path);
}

/**
 * Makes sure that every path still stands for the folder that was made.
 *
 * @throws `workspace.failed`.
 */
export async function verifyFolders(
  expected: readonly (readonly [path: string, identity: string])[],
): Promise<void> {
  await Promise.all(
    expected.map(async ([path, identity]) => {
      const facts = await lookAt(path).catch(notTheFolder(path));
      if (facts.identity !== identity || facts.type !== 'directory') throw anotherFolder(path);
    }),
  );
}

const notTheFolder = (path: string) => (error: unknown) => {
  throw toWorkspaceError(`${path} is not the folder that was made for this run`, error);
};

const anotherFolder = (path: string): WorkspaceError =>
  new WorkspaceError('workspace.failed', `${path} is not the folder that was made for this run any more`);
