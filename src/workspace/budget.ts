/** Counts what is staged against the limits of a run, while it is staged. It touches no file. */
import { WorkspaceError } from '../errors.js';
import type { PlannedLimits } from '../plan/run-plan.js';

/** Where the bytes of a file come from: those of storages have a limit of their own. */
type Origin = 'storage' | 'caller';

/** The account of one run. Everything that counts throws `workspace.too_large` once a limit is passed; reaching it is allowed. */
export interface Budget {
  readonly files: number;
  readonly sizeBytes: number;
  /** Counts one file or folder. */
  addEntry(what: string): void;
  /** Starts a file and gives the counter of its bytes. */
  startFile(what: string, origin: Origin): (bytes: number) => void;
  /** Refuses sizes that are known before anything is copied. */
  checkAnnounced(files: readonly { what: string; sizeBytes: number; origin: Origin }[]): void;
}

/** Starts an account. */
export function createBudget(limits: PlannedLimits): Budget {
  const entriesLimit = limits.entries;
  const total = { files: 0, entries: 0, all: 0, storage: 0 };

  const checkTotals = (all: number, storage: number): void => {
    if (limits.inputBytes !== null && all > limits.inputBytes) {
      throw tooLarge(`workspace inputs total ${String(all)} bytes`, limits.inputBytes, 'maxWorkspaceBytes');
    }
    if (storage > limits.downloadBytes) {
      throw tooLarge(
        `inputs from storages total ${String(storage)} bytes`,
        limits.downloadBytes,
        'maxDownloadBytes',
      );
    }
  };
  const checkFile = (what: string, bytes: number): void => {
    if (bytes > limits.fileBytes)
      throw tooLarge(`${what} has ${String(bytes)} bytes`, limits.fileBytes, 'maxFileBytes');
  };

  return {
    get files() {
      return total.files;
    },
    get sizeBytes() {
      return total.all;
    },
    addEntry(what) {
      total.entries += 1;
      if (total.entries <= entriesLimit) return;
      throw tooLarge(
        `with ${what} there are ${String(total.entries)} files and folders`,
        entriesLimit,
        'entries',
      );
    },
    startFile(what, origin) {
      total.files += 1;
      let fileBytes = 0;
      return (bytes) => {
        fileBytes += bytes;
        checkFile(what, fileBytes);
        checkTotals(total.all + bytes, total.storage + (origin === 'storage' ? bytes : 0));
        total.all += bytes;
        if (origin === 'storage') total.storage += bytes;
      };
    },
    checkAnnounced(files) {
      let all = total.all;
      let storage = total.storage;
      for (const file of files) {
        checkFile(file.what, file.sizeBytes);
        all += file.sizeBytes;
        if (file.origin === 'storage') storage += file.sizeBytes;
      }
      checkTotals(all, storage);
    },
  };
}

function tooLarge(problem: string, limit: number, name: string): WorkspaceError {
  const details = { limit: name, allowed: limit };
  const setting = name === 'entries' ? 'outputs.maxEntries' : name;
  const message = `${problem}, more than the limit of ${String(limit)} (${setting})`;
  return new WorkspaceError('workspace.too_large', message, { details });
}
