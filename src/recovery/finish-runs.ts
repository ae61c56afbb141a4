/** Accounts for the runs of dead processes: what they published is finished or taken back, and each gets its one end in the run store. */
import { pause } from '../execute/deadline.js';
import { withinTime } from '../host/time-limit.js';
import { keepsKey, type RunOutcome } from '../outcome.js';
import type { RunStore, StoredRun } from '../run-store/types.js';
import type { StorageAdapter } from '../storage/types.js';
import { finishPublication, withdrawPublication } from '../workspace/publication.js';
import { storageName } from '../workspace/storage-calls.js';
import { type OpenPublication, openPublications, settledOutcome } from './stored-steps.js';

/** What is found out about the end of a run whose process died. */
export interface DeathFacts {
  /** How it is known that its process is dead. */
  readonly proof: string;
  /** What was done about its outputs, in words. */
  readonly outputs: readonly string[];
  /** How its last attempt had ended already; null if it had not. */
  readonly settled: RunOutcome | null;
}

/** Where runs are finished. */
export interface FinishOptions {
  readonly store: RunStore;
  /** Storages by mount id. */
  readonly storage: Readonly<Record<string, StorageAdapter>>;
  /** ISO. */
  readonly at: string;
  /** How such a run ended. */
  readonly endOf: (run: StoredRun, facts: DeathFacts) => RunOutcome;
  /** Told each end that was written down. */
  readonly onEnd: (run: StoredRun, end: RunOutcome) => void;
}

/** Taking back and finishing are short; a storage that hangs is tried again by the next pass. */
const PUBLICATION_MS = 60_000;

/**
 * Finishes one run. Repeating it is success, and of several processes that do it at a time one writes the end.
 *
 * @throws what a storage or the store throws; then the run is open as before, and can be finished later.
 */
export async function finishRun(run: StoredRun, proof: string, options: FinishOptions): Promise<void> {
  const outputs: string[] = [];
  for (const open of openPublications(run)) outputs.push(await settlePublication(open, options));
  const end = options.endOf(run, { proof, outputs, settled: settledOutcome(run) });
  const isOurs = await options.store.end(run.runId, end, { keepsKey: keepsKey(end), at: options.at });
  if (isOurs) options.onEnd(run, end);
}

async function settlePublication(
  { publication, step }: OpenPublication,
  { storage }: FinishOptions,
): Promise<string> {
  const { mountId } = publication;
  const where = storageName(mountId);
  if (mountId === null) return `unfinished objects may be left in ${where}, which only its caller can reach`;
  const adapter = Object.hasOwn(storage, mountId) ? storage[mountId] : undefined;
  if (adapter === undefined)
    throw new Error(`this runtime has no ${where}, where it left unfinished objects`);
  if (step === 'publishing') {
    await withinTime(PUBLICATION_MS, async (signal) =>
      finishPublication(publication, { adapter, pause, signal }),
    );
    return `its outputs in ${where}, which were all stored, were published after it died`;
  }
  await withinTime(PUBLICATION_MS, async (signal) =>
    withdrawPublication(publication, { adapter, pause, signal }),
  );
  return `its outputs in ${where} were taken back: not all were stored when it died`;
}
