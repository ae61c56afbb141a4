/** Whether the disk has room for one more run. It reserves nothing and frees nothing. */
import { RuntimeError } from '../errors.js';
import { freeSpace, type FreeSpace } from '../host/file-system-space.js';

/** What must be free. */
export interface FreeSpaceFloor {
  readonly minFreeBytes: number;
  readonly minFreeInodes: number;
}

/** What is too little where the root of workspaces lies, in words; null if nothing is. */
export async function diskShortage(root: string, floor: FreeSpaceFloor): Promise<string | null> {
  let free: FreeSpace;
  try {
    free = await freeSpace(root);
  } catch {
    // A root that cannot be looked at cannot hold a folder either, and making that says why.
    return null;
  }
  return shortageOf(free, root, floor);
}

/** The same of what was looked up already. */
export function shortageOf({ bytes, inodes }: FreeSpace, root: string, floor: FreeSpaceFloor): string | null {
  const where = `the file system of workspaceRoot (${root}) has`;
  if (bytes < floor.minFreeBytes)
    return `${where} ${String(bytes)} bytes free, less than workspace.minFreeBytes (${String(floor.minFreeBytes)})`;
  if (inodes !== null && inodes < floor.minFreeInodes)
    return `${where} ${String(inodes)} inodes free, less than workspace.minFreeInodes (${String(floor.minFreeInodes)})`;
  return null;
}

/**
 * Refuses a run for which there is too little.
 *
 * @throws `runtime.disk_low`.
 */
export async function requireFreeSpace(root: string, floor: FreeSpaceFloor): Promise<void> {
  const shortage = await diskShortage(root, floor);
  if (shortage !== null) throw diskLow(shortage);
}

/** The error for a shortage. */
export function diskLow(shortage: string): RuntimeError {
  return new RuntimeError('runtime.disk_low', shortage, {
    hint: 'free some space there, or set another workspaceRoot',
  });
}
