/** Makes the empty files and folders in the workspace onto which inputs are mounted. It mounts nothing. */
import { ValidationError } from '../errors.js';
import { once } from '../host/chunks.js';
import { createFile, type Owner } from '../host/file-content.js';
import { makeFolder, makeFolders } from '../host/folders.js';
import { errorCode, openChild, type OpenNode } from '../host/node.js';
import { namesBeneathWorkspace } from './layout.js';

/** Something that will be mounted. */
export interface Mounted {
  readonly what: string;
  readonly type: 'file' | 'directory';
  /** Absolute container paths. */
  readonly targets: readonly string[];
}

/**
 * Makes a mount point for each target beneath the workspace, with its parents, owned by the run's user: the engine would make them itself,
 * but as root's, and the job could put nothing beside them.
 *
 * @returns the identities of the placeholders: a job may move them about, and they are no outputs.
 * @throws `validation.invalid_job` when one of the caller's files stands there.
 */
export async function makeMountPoints(
  workspace: OpenNode,
  workspaceMountPath: string,
  mounted: readonly Mounted[],
  user: Owner,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const placeholders = new Set<string>();
  for (const { what, type, targets } of mounted) {
    for (const target of targets) {
      const names = namesBeneathWorkspace(workspaceMountPath, target);
      if (names !== null) placeholders.add(await makePlaceholder(workspace, names, type, what, user, signal));
    }
  }
  return placeholders;
}

async function makePlaceholder(
  workspace: OpenNode,
  names: readonly string[],
  type: 'file' | 'directory',
  what: string,
  user: Owner,
  signal: AbortSignal,
): Promise<string> {
  const name = names.at(-1) ?? '';
  try {
    const folder = await makeFolders(workspace.handle, names.slice(0, -1), { mode: 0o755, owner: user });
    try {
      if (type === 'directory') {
        const made = await makeFolder(folder.handle, name, { mode: 0o755, owner: user });
        await made.handle.close();
      } else {
        const empty = once(new Uint8Array());
        await createFile(folder.handle, name, empty, { mode: 0o644, owner: user, signal });
      }
      const node = await openChild(folder.handle, name);
      await node.handle.close();
      return node.facts.identity;
    } finally {
      await folder.handle.close();
    }
  } catch (error) {
    const code = errorCode(error);
    throw code === 'EEXIST' || code === 'ENOTDIR' ? taken(what, names, error) : error;
  }
}

function taken(what: string, names: readonly string[], cause: unknown): ValidationError {
  const path = names.join('/');
  const message = `${what} has its place at "${path}" in the workspace, but one of the given files stands there`;
  return new ValidationError('validation.invalid_job', message, {
    cause,
    details: { issues: [{ code: 'validation.files', path: `files.${path}`, message }] },
  });
}
