/** Whose a run's folder is, written into the folder itself where no job can reach it, so that another process can tell after a crash. */
import { mkdtemp, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { persistently } from '../host/persist.js';
import { openBeneath, openContent, type OpenNode } from '../host/node.js';

/** Whose a folder is. */
export interface OwnerMark {
  readonly instance: string;
  /** As in the label `owner`. */
  readonly owner: string;
  readonly runId: string;
}

/** Its name in a run's folder. */
export const MARK_FILE = 'owner.json';
const MAX_MARK_BYTES = 4096;
const UNFINISHED = /^\.making-(.+)-[^-]{6}$/;

/**
 * Makes a new folder beneath `root` that has its mark from the first moment it has its name. Until then its name says who makes it; nothing
 * but the mark is in it.
 */
export async function makeMarkedFolder(
  root: string,
  prefix: string,
  mark: OwnerMark | null,
): Promise<string> {
  if (mark === null) return mkdtemp(join(root, prefix));
  const making = await mkdtemp(join(root, `.making-${mark.owner}-`));
  try {
    const file = await open(join(making, MARK_FILE), 'wx', 0o600);
    try {
      await file.writeFile(JSON.stringify(mark));
    } finally {
      await file.close();
    }
    const path = join(dirname(making), prefix + basename(making).slice(-6));
    // Onto a folder of that name this fails: none of ours is empty.
    await rename(making, path);
    return path;
  } catch (error) {
    // A disk without room: whose run this was never hears of the folder, and nobody else removes it while this process lives.
    await persistently(async () => rm(making, { recursive: true, force: true })).catch(() => undefined);
    throw error;
  }
}

/** Who was making a folder that never got its name; null if the name is not that of such a folder. */
export function makerOf(name: string): string | null {
  return UNFINISHED.exec(name)?.[1] ?? null;
}

/** The mark of an open folder; null where there is none that can be read, and where a newer version says by `schema` that it is of another kind. */
export async function readOwnerMark(folder: OpenNode): Promise<OwnerMark | null> {
  const { node } = await openBeneath(folder.handle, [MARK_FILE]);
  if (node === null) return null;
  try {
    if (node.facts.type !== 'file' || node.facts.sizeBytes > MAX_MARK_BYTES) return null;
    const content = await openContent(node);
    try {
      return toMark(JSON.parse(await content.readFile('utf8')));
    } catch (error) {
      if (error instanceof SyntaxError) return null;
      throw error;
    } finally {
      await content.close();
    }
  } finally {
    await node.handle.close();
  }
}

function toMark(value: unknown): OwnerMark | null {
  if (typeof value !== 'object' || value === null) return null;
  const { schema, instance, owner, runId } = value as Partial<Record<keyof OwnerMark | 'schema', unknown>>;
  // As with the label of that name: marks of today do not say it.
  if (schema !== undefined && schema !== 1) return null;
  const isMark = typeof instance === 'string' && typeof owner === 'string' && typeof runId === 'string';
  return isMark ? { instance, owner, runId } : null;
}
