/** Opens what a caller names on this machine. Links further up are the caller's own affair; the named file or folder itself must not be one. */
import { realpath } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { WorkspaceError } from '../errors.js';
import { openBeneath, openDirectory, type OpenNode } from '../host/node.js';

/**
 * The handle is the caller's to close. `what` says in messages what it is for.
 *
 * @throws `workspace.failed` when it is not there or cannot be opened.
 */
export async function openLocal(what: string, localPath: string): Promise<OpenNode> {
  const absolute = resolve(localPath);
  try {
    if (absolute === '/') return await openDirectory(absolute);
    const parent = await openDirectory(await realpath(dirname(absolute)));
    try {
      const { node } = await openBeneath(parent.handle, [basename(absolute)]);
      if (node !== null) return node;
    } finally {
      await parent.handle.close();
    }
  } catch (error) {
    throw unreadable(what, localPath, error instanceof Error ? error.message : String(error), error);
  }
  throw unreadable(what, localPath, 'is not there');
}

/** The error for a local file that cannot be used. */
export const unreadable = (
  what: string,
  localPath: string,
  problem: string,
  cause?: unknown,
): WorkspaceError =>
  new WorkspaceError('workspace.failed', `${what}: ${JSON.stringify(localPath)}: ${problem}`, { cause });
