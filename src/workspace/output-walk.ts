/** Walks the folder of an output and counts what is in it against what outputs may have. It opens no content. */
import type { FileHandle } from 'node:fs/promises';
import { JobRuntimeError } from '../errors.js';
import { walk, type WalkEntry, type WalkOptions } from '../host/walk.js';
import type { OutputAccount } from './output-account.js';
import { RejectedError } from './rejection.js';

/**
 * Everything beneath a folder, counted.
 *
 * @throws {@link RejectedError} beyond a limit.
 */
export async function* walkOutput(
  folder: FileHandle,
  account: OutputAccount,
  options: Omit<WalkOptions, 'maxEntries'>,
): AsyncGenerator<WalkEntry, void, undefined> {
  const { entries } = account.room;
  try {
    for await (const entry of walk(folder, { ...options, maxEntries: entries })) {
      account.addEntry();
      yield entry;
    }
  } catch (error) {
    if (!JobRuntimeError.isInstance(error) || error.code !== 'workspace.too_large') throw error;
    // A folder with more names than that is not read to its end, so that nobody counted them.
    if (error.details['limit'] === 'entries') throw account.tooManyEntries();
    throw new RejectedError('limit', error.message);
  }
}
