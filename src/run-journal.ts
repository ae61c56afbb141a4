/** What a run writes down of itself in the run store: that it is claimed, its steps, its end. Only the claim may keep it from running. */
import { jsonHash } from './base/json-hash.js';
import { RuntimeError } from './errors.js';
import { within } from './execute/deadline.js';
import { keepsKey, type RunOutcome } from './outcome.js';
import type { RunRequest } from './plan/container-spec.js';
import type { RunPlan } from './plan/run-plan.js';
import type { Policy } from './policy/policy.js';
import { fixedHashOf } from './run-fixed-hash.js';
import type { HeldLease } from './recovery/owner-lease.js';
import type { LateWork } from './run-late-work.js';
import { reusedKey, takenRunId } from './run-refusals.js';
import type { RunRecord } from './run-record.js';
import { redactedMetadata, redactedPlan } from './run-redaction.js';
import type { RuntimeClock } from './runtime-ports.js';
import type { NewRun, RunStep, RunStore, StoredRun } from './run-store/types.js';

/** How long the store may take for one call. */
const STORE_MS = 10_000;

/** The attempt that writes. */
interface JournalSubject {
  readonly record: RunRecord;
  warn(message: string): void;
  /** ISO time of now. */
  readonly timestamp: () => string;
}

/** The attempt that claims the run. */
interface JournalClaimant extends JournalSubject {
  readonly identity: { readonly instance: string; readonly owner: string };
  /** Ends an open run whose process is proven dead; false where it is not. */
  readonly recoverIfDead: (run: StoredRun) => Promise<boolean>;
  readonly config: { readonly policy: Policy };
}

type WithoutEnvelope<S> = S extends RunStep ? Omit<S, 'attempt' | 'at'> : never;
/** A step without what every step says. */
export type StepNote = WithoutEnvelope<RunStep>;

/** The journal of one run. */
export interface RunJournal {
  /**
   * Null: the run is claimed and may go on; also for its further attempts. Otherwise the run that its key stands for.
   *
   * @throws `runtime.store_failed`; `validation.invalid_job` for an id that is taken and for a key that stands for another request.
   */
  claim(claimant: JournalClaimant, request: RunRequest, plan: RunPlan): Promise<StoredRun | null>;
  /** Resolves when the step is written down, in the order of calls; never rejects: what the store does not take is one warning. */
  note(subject: JournalSubject, step: StepNote): Promise<void>;
  /** Writes the end down, later if it cannot be now; gives what is to be said about it, or null. Never rejects. */
  end(subject: JournalSubject, outcome: RunOutcome): Promise<string | null>;
}

/** What a journal is written to, and under which key. */
export interface RunJournalOptions {
  readonly store: RunStore;
  readonly lease: HeldLease;
  readonly key: string | null;
  readonly clock: Pick<RuntimeClock, 'now' | 'even'>;
  /** Where an end goes that could not be written down. */
  readonly lateWork: LateWork;
  /** The run was taken over: it is claimed already. */
  readonly isClaimed: boolean;
}

/** The journal of a run that is not claimed yet. */
export function createRunJournal({
  store,
  lease,
  key,
  clock,
  lateWork,
  isClaimed,
}: RunJournalOptions): RunJournal {
  let state: 'unclaimed' | 'open' | 'broken' = isClaimed ? 'open' : 'unclaimed';
  let last: Promise<void> = Promise.resolve();

  const append = async (subject: JournalSubject, step: RunStep): Promise<void> => {
    if (state !== 'open') return;
    try {
      await inTime(async () => store.append(subject.record.runId, step));
    } catch (error) {
      // Not again for each step that follows: a store that hangs would hold the run up every time.
      state = 'broken';
      subject.warn(`what this run does is no longer written down: ${messageOf(error)}`);
    }
  };

  return {
    async claim(claimant, request, plan) {
      if (state !== 'unclaimed') return null;
      const run = toNewRun(claimant, request, plan, key);
      let standing = await claimInStore(store, lease, run, claimant.timestamp);
      // Who comes after the death of a process begins anew; only who waited for it gets the end of its run.
      if (standing?.end === null && (await claimant.recoverIfDead(standing))) {
        standing = await claimInStore(store, lease, run, claimant.timestamp);
      }
      if (standing === null) {
        state = 'open';
        return null;
      }
      if (key === null || standing.key !== key) throw takenRunId(run.runId);
      if (standing.requestHash !== run.requestHash) throw reusedKey(standing.runId);
      return standing;
    },
    async note(subject, note) {
      const { attempt } = subject.record;
      const step = { ...note, attempt, at: subject.timestamp() } as RunStep;
      last = last.then(async () => append(subject, step));
      return last;
    },
    async end(subject, outcome) {
      if (state === 'unclaimed') return null;
      await last;
      // Not early for a clock that was set back: the end, and its key with it, would be forgotten as an old one.
      const at = new Date(Math.max(clock.now(), clock.even())).toISOString();
      const options = { keepsKey: keepsKey(outcome), at };
      try {
        const isFirst = await inTime(async () => store.end(subject.record.runId, outcome, options));
        return isFirst
          ? null
          : 'another process took this one for dead and wrote down another end of this run';
      } catch (error) {
        lateWork.add(async () => inTime(async () => store.end(subject.record.runId, outcome, options)));
        return `the end of this run is not written down: ${messageOf(error)}`;
      }
    },
  };
}

async function claimInStore(
  store: RunStore,
  lease: HeldLease,
  run: NewRun,
  timestamp: () => string,
): Promise<StoredRun | null> {
  const asked: Promise<StoredRun | null>[] = [];
  try {
    return await inTime(async () => {
      await lease.ensure();
      const claiming = store.putIfAbsent(run);
      asked.push(claiming);
      return claiming;
    });
  } catch (error) {
    const failure = new RuntimeError('runtime.store_failed', `the run was not started: ${messageOf(error)}`, {
      cause: error,
    });
    for (const claiming of asked) void giveUp(store, run, claiming, failure, timestamp);
    throw failure;
  }
}

/** A claim that comes through after all is not one of a run at work: nobody is to wait for it. */
async function giveUp(
  store: RunStore,
  { runId }: NewRun,
  claiming: Promise<StoredRun | null>,
  { name, kind, code, message }: RuntimeError,
  timestamp: () => string,
): Promise<void> {
  try {
    if ((await claiming) !== null) return;
    const end: RunOutcome = { outcome: 'error', error: { name, kind, code, message } };
    await store.end(runId, end, { keepsKey: false, at: timestamp() });
  } catch {
    // A store that is broken has told its caller so.
  }
}

/** Without a signal, which no store takes. */
async function inTime<T>(call: () => Promise<T>): Promise<T> {
  const answer = await within(
    STORE_MS,
    call().then((value) => ({ value })),
  );
  if (answer === null) throw new Error(`the run store did not answer within ${String(STORE_MS)} ms`);
  return answer.value;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function toNewRun(
  { identity, record, config }: JournalClaimant,
  request: RunRequest,
  plan: RunPlan,
  key: string | null,
): NewRun {
  const { runId, jobSlug, startedAt, metadata, redactor } = record;
  return {
    runId,
    key,
    // Not the plan's: a policy that was replaced meanwhile does not make it another request.
    requestHash: key === null ? plan.planHash : requestHashOf(request),
    ...identity,
    jobSlug,
    metadata: redactedMetadata(metadata, redactor),
    startedAt,
    receipt: { request: fixedHashOf(request), policy: fixedHashOf(config.policy) },
    plan: redactedPlan(withoutContent(plan), redactor),
  };
}

/**
 * How long it may take and how often it is tried is no part of what is asked for: who asks again may well give less time. Nor is it how variables are
 * written.
 */
function requestHashOf(request: RunRequest): string {
  const container = { ...request.container, environmentForm: undefined };
  return jsonHash({ ...request, container, timeouts: undefined, retry: undefined });
}

/** What a job is fed with may be confidential, and accounting for it needs none of it. */
function withoutContent(plan: RunPlan): RunPlan {
  return {
    ...plan,
    container: { ...plan.container, environment: [] },
    inputs: plan.inputs.map((input) =>
      input.source.type === 'inline' ? { ...input, source: { ...input.source, content: '' } } : input,
    ),
    parameters: null,
    stdin: null,
  };
}
