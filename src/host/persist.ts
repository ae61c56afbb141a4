/** Tries some work on files again while this host is short of descriptors: for removing what must not stay. It decides nothing else. */
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from './node.js';

/** Between one try and the next: some other part of this process soon closes something. */
const AGAIN_MS = [100, 400, 1_500, 4_000] as const;

const SHORTAGES: readonly unknown[] = ['EMFILE', 'ENFILE', 'ENOMEM'];

/**
 * Does the work, up to five times within six seconds.
 *
 * @throws what the last try threw; at once what is no shortage.
 */
export async function persistently(work: () => Promise<void>): Promise<void> {
  for (const againMs of [...AGAIN_MS, null]) {
    try {
      await work();
      return;
    } catch (error) {
      if (againMs === null || !SHORTAGES.includes(errorCode(error))) throw error;
      await sleep(againMs);
    }
  }
}
