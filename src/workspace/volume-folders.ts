/** Folders of the workspace that stand in for an image's volumes beneath its mount point. */
import type { Owner } from '../host/file-content.js';
import { makeFolders } from '../host/folders.js';
import { openWorkspaceFolder, type Workspace } from './create.js';
import { toWorkspaceError } from './run-folder.js';

/**
 * Makes the folders, owned by the run's user; those already there are left as they are.
 *
 * @throws `workspace.failed`.
 */
export async function makeVolumeFolders(
  workspace: Workspace,
  folders: readonly string[],
  owner: Owner,
): Promise<void> {
  if (folders.length === 0) return;
  const root = await openWorkspaceFolder(workspace);
  try {
    for (const folder of folders) {
      const made = await makeFolders(root.handle, folder.split('/'), { mode: 0o700, owner });
      await made.handle.close();
    }
  } catch (error) {
    throw toWorkspaceError('the folder for a volume of the image could not be made', error);
  } finally {
    await root.handle.close();
  }
}
