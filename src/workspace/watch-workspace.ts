/** Looks, while a job runs, whether its workspace holds more than it may. It stops nothing: it says so, once. */
import type { FileHandle } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { freeSpace, type FreeSpace } from '../host/file-system-space.js';
import { handlePath } from '../host/node.js';
import { measureTree, type TreeUsage } from '../host/tree-usage.js';
import { openWorkspaceFolder, type Workspace } from './create.js';

/** What a workspace may hold; null: no bound. */
export interface WorkspaceBounds {
  readonly maxBytes: number | null;
  readonly maxEntries: number | null;
}

/** What there is too much of, and how much there may be. */
interface WorkspaceExcess {
  readonly of: 'bytes' | 'entries';
  readonly allowed: number;
}

/** Who hears of a workspace. */
export interface WorkspaceListener {
  /** At most once; then the watch is over. */
  readonly onExcess: (excess: WorkspaceExcess) => void;
  /** The watch cannot go on. */
  readonly onFailure: (error: unknown) => void;
}

/** A watch under way. */
export interface WorkspaceWatch {
  /** Looks once more, for the job that wrote and ended between two looks, and ends the watch. Never rejects. */
  end(): Promise<void>;
}

/** Between two looks at the file system, which cost next to nothing. */
const LOOK_MS = 200;
/** Between two measurements of a workspace that gives no reason for one: what others free meanwhile hides what it takes. */
const MEASURE_MS = 5_000;
/** A measurement may take this long; of a larger tree counts what was counted by then. */
const LONGEST_MS = 10_000;
/** Between measurements is a pause of this many times what the last one took. */
const PAUSE_FACTOR = 10;
/** What took no longer is repeated at the end in any case. */
const CHEAP_MS = 2_000;

/**
 * Begins to watch. What the file system has lost since the last measurement is the most that the workspace can have grown by; so the workspace itself is
 * measured only when that is enough to reach a bound, and now and then.
 *
 * @throws `workspace.failed` when the folder is not the one that was made.
 */
export async function watchWorkspace(
  workspace: Workspace,
  bounds: WorkspaceBounds,
  { onExcess, onFailure }: WorkspaceListener,
): Promise<WorkspaceWatch> {
  if (bounds.maxBytes === null && bounds.maxEntries === null) return { end: async () => Promise.resolve() };
  const { handle } = await openWorkspaceFolder(workspace);
  const over = new AbortController();
  const watch = async (): Promise<void> => {
    const look = createLook(handle, bounds);
    try {
      for (;;) {
        const isLast = over.signal.aborted;
        const excess = await look(isLast);
        if (excess !== null) onExcess(excess);
        if (excess !== null || isLast) return;
        await setTimeout(LOOK_MS, undefined, { signal: over.signal, ref: false }).catch(() => undefined);
      }
    } catch (error) {
      onFailure(error);
    } finally {
      await handle.close();
    }
  };
  const watching = watch();
  return {
    async end() {
      over.abort();
      await watching;
    },
  };
}

/** One measurement, with what was free just before it. */
interface Measurement {
  readonly usage: TreeUsage;
  readonly free: FreeSpace;
  readonly endedAt: number;
  readonly tookMs: number;
}

function createLook(
  handle: FileHandle,
  bounds: WorkspaceBounds,
): (isLast: boolean) => Promise<WorkspaceExcess | null> {
  let last: Measurement | null = null;
  return async (isLast) => {
    const free = await freeSpace(handlePath(handle));
    const startedAt = performance.now();
    if (last !== null && !isDue(last, free, bounds, { isLast, at: startedAt })) return null;
    const usage = await measureTree(handle, { ...bounds, signal: AbortSignal.timeout(LONGEST_MS) });
    const endedAt = performance.now();
    last = { usage, free, endedAt, tookMs: endedAt - startedAt };
    return excessOf(usage, bounds);
  };
}

function isDue(
  { usage, free: before, endedAt, tookMs }: Measurement,
  free: FreeSpace,
  { maxBytes, maxEntries }: WorkspaceBounds,
  { isLast, at }: { readonly isLast: boolean; readonly at: number },
): boolean {
  const sinceMs = at - endedAt;
  if (isLast && tookMs <= CHEAP_MS) return true;
  if (!isLast && sinceMs < tookMs * PAUSE_FACTOR) return false;
  if (sinceMs >= MEASURE_MS) return true;
  const lostInodes = before.inodes === null || free.inodes === null ? Infinity : before.inodes - free.inodes;
  return (
    isMore(usage.bytes + before.bytes - free.bytes, maxBytes) ||
    isMore(usage.entries + lostInodes, maxEntries)
  );
}

function excessOf(usage: TreeUsage, { maxBytes, maxEntries }: WorkspaceBounds): WorkspaceExcess | null {
  if (maxBytes !== null && usage.bytes > maxBytes) return { of: 'bytes', allowed: maxBytes };
  if (maxEntries !== null && usage.entries > maxEntries) return { of: 'entries', allowed: maxEntries };
  return null;
}

function isMore(value: number, most: number | null): boolean {
  return most !== null && value > most;
}
