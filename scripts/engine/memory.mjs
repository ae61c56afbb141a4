/** Keeps an engine's files in memory: a machine's disk is what starting and removing containers takes longest for. */
import { spawnSync } from 'node:child_process';
import { freemem } from 'node:os';

/** What several engines with all images and outputs of the tests together come nowhere near. */
const PLENTY = 8 * 2 ** 30;

/** Whether there is so much that an engine's part of it is not missed. */
export const hasPlentyOfMemory = () => freemem() >= PLENTY;

/**
 * Mounts memory on a folder if there is plenty; else it stays on the disk.
 *
 * @param {string} folder
 */
export function keepInMemory(folder) {
  if (!hasPlentyOfMemory()) return;
  // The mode is that of the folder; the size is a bound, nothing is taken before it is used.
  spawnSync('mount', ['-t', 'tmpfs', '-o', `mode=0700,size=${PLENTY / 2}`, 'tmpfs', folder]);
}
