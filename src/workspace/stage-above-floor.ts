/** Keeps staging from taking what is to stay free on the disk: by what is announced, and by looking while it goes on. It stages nothing. */
import { setTimeout } from 'node:timers/promises';
import { freeSpace } from '../host/file-system-space.js';
import { diskLow, diskShortage, type FreeSpaceFloor, requireFreeSpace } from './disk-shortage.js';

/** Where what must stay free, and until when. */
export interface FloorOptions {
  readonly root: string;
  readonly floor: FreeSpaceFloor;
  readonly signal: AbortSignal;
}

/** Between two looks at the file system, which cost next to nothing. */
const LOOK_MS = 100;

/**
 * Lets work stage within a signal that is aborted when too little is free. What it staged by then is its own to remove.
 *
 * @throws `runtime.disk_low`, also when it is only seen at the end; what the work throws.
 */
export async function stageAboveFloor<T>(
  { root, floor, signal }: FloorOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const low = new AbortController();
  const over = new AbortController();
  const watch = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const shortage = await diskShortage(root, floor);
      if (shortage !== null) low.abort(diskLow(shortage));
      if (shortage !== null) return;
      await setTimeout(LOOK_MS, undefined, { signal: over.signal, ref: false }).catch(() => undefined);
    }
  };
  const watching = watch();
  try {
    const staged = await work(AbortSignal.any([signal, low.signal]));
    await requireFreeSpace(root, floor);
    return staged;
  } finally {
    over.abort();
    await watching;
  }
}

/**
 * Refuses inputs of a size that is known, before they take what is to stay free.
 *
 * @throws `runtime.disk_low`.
 */
export async function requireRoomForInputs(
  { root, floor }: Omit<FloorOptions, 'signal'>,
  sizeBytes: number,
): Promise<void> {
  const { bytes } = await freeSpace(root);
  if (bytes - sizeBytes >= floor.minFreeBytes) return;
  throw diskLow(
    `the file system of workspaceRoot (${root}) has ${String(bytes)} bytes free, and ${String(sizeBytes)} bytes of inputs would leave less than workspace.minFreeBytes (${String(floor.minFreeBytes)})`,
  );
}
