/** Counts one output against what the outputs of a run may still have. It touches no file. */
import type { PlannedLimits } from '../plan/run-plan.js';
import { RejectedError } from './rejection.js';

/** What the outputs of a run may still have. */
export interface OutputRoom {
  readonly bytes: number;
  readonly entries: number;
}

/** The account of one output. What counts throws {@link RejectedError} beyond a limit; reaching it is allowed. */
export interface OutputAccount {
  /** Counts a file by its logical size, before it is read: a sparse tebibyte takes nothing on the disk and hours to read. */
  addFile(relativePath: string, sizeBytes: number): void;
  addEntry(): void;
  /** What is said of more entries than there is room for, also where they were not counted to the end. */
  tooManyEntries(): RejectedError;
  readonly room: OutputRoom;
  readonly used: OutputRoom;
}

/** Starts an account. */
export function createOutputAccount(
  room: OutputRoom,
  { fileBytes }: Pick<PlannedLimits, 'fileBytes'>,
): OutputAccount {
  const used = { bytes: 0, entries: 0 };
  const tooManyEntries = (): RejectedError =>
    new RejectedError(
      'limit',
      `has more files and folders than the ${String(room.entries)} that are left for outputs of this run (outputs.maxEntries)`,
    );
  return {
    room,
    used,
    tooManyEntries,
    addEntry() {
      used.entries += 1;
      if (used.entries > room.entries) throw tooManyEntries();
    },
    addFile(relativePath, sizeBytes) {
      const subject = relativePath === '' ? '' : `holds ${JSON.stringify(relativePath)}, which `;
      const size = `${subject}has ${String(sizeBytes)} bytes`;
      if (sizeBytes > fileBytes) {
        const limit = `the limit of ${String(fileBytes)} (maxFileBytes)`;
        throw new RejectedError('limit', `${size}, more than ${limit}`);
      }
      const left = room.bytes - used.bytes;
      if (sizeBytes > left) {
        const rest = `the ${String(left)} bytes that are left for outputs of this run`;
        throw new RejectedError('limit', `${size}, more than ${rest}`);
      }
      used.bytes += sizeBytes;
    },
  };
}
