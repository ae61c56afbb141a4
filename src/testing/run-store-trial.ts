/** What each case of `runStoreConformance` gets: a store, the same store as another process has it, and runs to claim. */
import { randomUUID } from 'node:crypto';
import type { RunOutcome } from '../outcome.js';
import type { RunPlan } from '../plan/run-plan.js';
import type { NewRun, RunStore } from '../run-store/types.js';
import { type CaseOf, checkEqual } from './conformance-case.js';

/** What `runStoreConformance` tests. It need not be empty: every case uses ids, keys and an instance of its own. */
export interface RunStoreUnderTest {
  readonly store: RunStore;
  /** Another store over the same memory, as another process has it; absent where there is none. */
  readonly other?: RunStore | undefined;
  /** Called when the case is over. */
  cleanup?(): Promise<void>;
}

/** The means of one case. */
export interface RunStoreTrial {
  readonly store: RunStore;
  readonly other: RunStore;
  readonly instance: string;
  /** A run that nothing stands in the way of. */
  readonly newRun: (fields?: Partial<NewRun>) => NewRun;
  /** Claims such a run. */
  readonly claimed: (fields?: Partial<NewRun>) => Promise<NewRun>;
}

/** A case of the suite. */
export const runStoreCase = (name: string, body: CaseOf<RunStoreTrial>['body']): CaseOf<RunStoreTrial> => ({
  name,
  body,
});

/** An end that is told from others by its message. */
export const failedWith = (message: string): RunOutcome => ({
  outcome: 'error',
  error: { name: 'EngineError', kind: 'engine', code: 'engine.failed', message },
});

/** The time at which the cases end their runs. */
export const ENDED_AT = '2026-01-01T00:00:00.000Z';

/** Options of an end that keeps its key. */
export const KEEP = { keepsKey: true, at: ENDED_AT } as const;

/** The means of a case over a store. */
export function createRunStoreTrial({ store, other = store }: RunStoreUnderTest): RunStoreTrial {
  const instance = randomUUID();
  const newRun = (fields: Partial<NewRun> = {}): NewRun => ({
    runId: randomUUID(),
    key: null,
    requestHash: randomUUID(),
    instance,
    owner: 'mine',
    jobSlug: null,
    metadata: {},
    startedAt: new Date(0).toISOString(),
    // A store looks into no plan.
    plan: { schemaVersion: 1 } as RunPlan,
    ...fields,
  });
  const claimed = async (fields?: Partial<NewRun>): Promise<NewRun> => {
    const run = newRun(fields);
    checkEqual(await store.putIfAbsent(run), null, 'the claim of a run that nothing stands in the way of');
    return run;
  };
  return { store, other, instance, newRun, claimed };
}
