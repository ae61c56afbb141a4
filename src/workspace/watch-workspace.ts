/** Looks, while a job runs, whether its workspace or its outputs hold more than they may, and the disk enough. It stops nothing: it says so, once. */
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { freeSpace, type FreeSpace } from '../host/file-system-space.js';
import type { OpenNode } from '../host/node.js';
import { withinTime } from '../host/time-limit.js';
import { isEmptyFolder, measureTree, type TreeUsage } from '../host/tree-usage.js';
import { openWorkspaceFolder, type Workspace } from './create.js';
import { type FreeSpaceFloor, shortageOf } from './disk-shortage.js';
import { type JudgedOutputs, judgeOutputs, type OutputExcess } from './judge-outputs.js';

/** What a workspace may hold; null: no bound. */
export interface WorkspaceBounds {
  readonly maxBytes: number | null;
  readonly maxEntries: number | null;
  readonly outputs: JudgedOutputs;
  /** What must stay free on the file system. */
  readonly floor: FreeSpaceFloor;
}

/** What there is too much of and how much there may be, or what there is too little of. */
export type WorkspaceExcess =
  | { readonly of: 'bytes' | 'entries'; readonly allowed: number }
  | ({ readonly of: 'output' } & OutputExcess)
  | { readonly of: 'disk'; readonly shortage: string };

/** Who hears of a workspace. */
export interface WorkspaceListener {
  /** At most once; then the watch is over. */
  readonly onExcess: (excess: WorkspaceExcess) => void;
  /** Told each measurement of the workspace. */
  readonly onMeasured: (bytes: number) => void;
  /** The disk is low, as the words say: whether this run is the one to make room. */
  readonly makesRoom: (shortage: string) => boolean;
  /** The watch cannot go on. */
  readonly onFailure: (error: unknown) => void;
}

/** A watch under way. */
export interface WorkspaceWatch {
  /** The job runs from now on. */
  started(): void;
  /** Looks once more, for the job that wrote and ended between two looks, and ends the watch. Never rejects. */
  end(): Promise<void>;
}

/** Between two looks at the file system, which cost next to nothing. */
const LOOK_MS = 200;
/** The same before the job runs: only others take of the disk. */
const EARLY_LOOK_MS = 1_000;
/** Between two measurements of a workspace that gives no reason for one: what others free meanwhile hides what it takes. */
const MEASURE_MS = 5_000;
/** A measurement may take this long; of a larger tree counts what was counted by then. */
const LONGEST_MS = 10_000;
/** Between measurements is a pause of this many times what the last one took. */
const PAUSE_FACTOR = 10;
/** What took no longer is repeated at the end in any case. */
const CHEAP_MS = 2_000;
/** Between two looks at outputs. */
const JUDGE_MS = 1_000;

/**
 * Begins to watch. What the file system has lost since the last measurement is the most that the workspace can have grown by; so the workspace itself is
 * measured only when that is enough to reach a bound, and now and then.
 */
export function watchWorkspace(
  workspace: Workspace,
  bounds: WorkspaceBounds,
  listener: WorkspaceListener,
): WorkspaceWatch {
  const { onExcess, onFailure } = listener;
  if (!isBounded(bounds)) return { started: () => undefined, end: async () => Promise.resolve() };
  let hasStarted = false;
  let isOver = false;
  let onChange = (): void => undefined;
  const rest = async (): Promise<void> =>
    new Promise((resolve) => {
      const begin = (): NodeJS.Timeout => setTimeout(resolve, hasStarted ? LOOK_MS : EARLY_LOOK_MS).unref();
      let timer = begin();
      onChange = () => {
        clearTimeout(timer);
        if (isOver) resolve();
        else timer = begin();
      };
    });
  const watch = async (): Promise<void> => {
    const { look, close } = createLook(workspace, bounds, listener);
    try {
      for (;;) {
        if (!isOver) await rest();
        const isLast = isOver;
        const excess = await look(isLast);
        if (excess !== null) onExcess(excess);
        if (excess !== null || isLast) return;
      }
    } catch (error) {
      onFailure(error);
    } finally {
      await close();
    }
  };
  const watching = watch();
  return {
    started() {
      hasStarted = true;
      onChange();
    },
    async end() {
      isOver = true;
      onChange();
      await watching;
    },
  };
}

const isBounded = ({ maxBytes, maxEntries, outputs, floor }: WorkspaceBounds): boolean =>
  maxBytes !== null ||
  maxEntries !== null ||
  outputs.outputs.length > 0 ||
  floor.minFreeBytes > 0 ||
  floor.minFreeInodes > 0;

/** One measurement, with what was free just before it. */
interface Measurement {
  readonly usage: TreeUsage;
  readonly free: FreeSpace;
  readonly endedAt: number;
  readonly tookMs: number;
}

type Look = (isLast: boolean) => Promise<WorkspaceExcess | null>;

/** Looks at a folder that is opened when it is looked into first, and then stays the same whatever its name leads to. */
function createLook(
  workspace: Workspace,
  bounds: WorkspaceBounds,
  { onMeasured, makesRoom }: WorkspaceListener,
): { readonly look: Look; readonly close: () => Promise<void> } {
  const root = dirname(workspace.path);
  let opened: OpenNode | null = null;
  const open = async (): Promise<FileHandle> => (opened ??= await openWorkspaceFolder(workspace)).handle;
  let last: Measurement | null = null;
  const lookAtOutputs = createOutputLook(open, bounds.outputs);
  const measure = async (): Promise<Omit<Measurement, 'free'>> => {
    const startedAt = performance.now();
    const handle = await open();
    const usage = await withinTime(LONGEST_MS, async (signal) => measureTree(handle, { ...bounds, signal }));
    const endedAt = performance.now();
    onMeasured(usage.bytes);
    return { usage, endedAt, tookMs: endedAt - startedAt };
  };
  const look: Look = async (isLast) => {
    // What is free tells nothing more then: a job that has ended takes no more, and what it took goes with it.
    if (isLast && (last === null || last.tookMs <= CHEAP_MS)) {
      // Most short jobs leave nothing.
      if (last === null && (await isEmptyFolder(workspace.workspacePath))) {
        onMeasured(0);
        return null;
      }
      return excessOf((await measure()).usage, bounds);
    }
    const free = await freeSpace(root);
    const shortage = isLast ? null : shortageOf(free, root, bounds.floor);
    const isLow = shortage !== null;
    if (last === null || isDue(last, free, bounds, { isLast, isLow, at: performance.now() })) {
      last = { ...(await measure()), free };
      const excess = excessOf(last.usage, bounds);
      if (excess !== null) return excess;
    }
    if (shortage !== null && makesRoom(shortage)) return { of: 'disk', shortage };
    return lookAtOutputs(isLast);
  };
  return {
    look,
    async close() {
      await opened?.handle.close();
    },
  };
}

/** Collecting judges outputs once more, so the end of a job needs no look of its own. */
function createOutputLook(open: () => Promise<FileHandle>, outputs: JudgedOutputs): Look {
  let dueAt = 0;
  return async (isLast) => {
    const startedAt = performance.now();
    if (isLast || outputs.outputs.length === 0 || startedAt < dueAt) return null;
    const handle = await open();
    const excess = await withinTime(LONGEST_MS, async (signal) => judgeOutputs(handle, outputs, signal));
    const endedAt = performance.now();
    dueAt = endedAt + Math.max(JUDGE_MS, (endedAt - startedAt) * PAUSE_FACTOR);
    return excess === null ? null : { of: 'output', ...excess };
  };
}

function isDue(
  { usage, free: before, endedAt, tookMs }: Measurement,
  free: FreeSpace,
  { maxBytes, maxEntries }: WorkspaceBounds,
  { isLast, isLow, at }: { readonly isLast: boolean; readonly isLow: boolean; readonly at: number },
): boolean {
  const sinceMs = at - endedAt;
  if (!isLast && sinceMs < tookMs * PAUSE_FACTOR) return false;
  // Who is to make room is decided by what each holds now.
  if (isLow || sinceMs >= MEASURE_MS) return true;
  const lostInodes = before.inodes === null || free.inodes === null ? Infinity : before.inodes - free.inodes;
  return (
    isMore(usage.bytes + before.bytes - free.bytes, maxBytes) ||
    isMore(usage.entries + lostInodes, maxEntries)
  );
}

/** What there is too much of in a workspace. */
export function excessOf(
  usage: TreeUsage,
  { maxBytes, maxEntries }: Pick<WorkspaceBounds, 'maxBytes' | 'maxEntries'>,
): WorkspaceExcess | null {
  if (maxBytes !== null && usage.bytes > maxBytes) return { of: 'bytes', allowed: maxBytes };
  if (maxEntries !== null && usage.entries > maxEntries) return { of: 'entries', allowed: maxEntries };
  return null;
}

function isMore(value: number, most: number | null): boolean {
  return most !== null && value > most;
}
