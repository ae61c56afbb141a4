/** The `RunStore` port: what berthkit needs to remember runs beyond the process that runs them, as a contract. No implementation. */
import type { BootTime } from '../host/boot-clock.js';
import type { Digest } from '../host/file-content.js';
import type { RunOutcome } from '../outcome.js';
import type { RunPlan } from '../plan/run-plan.js';
import type { GivenReport, InputReport, RunResult } from '../result.js';

export type { BootTime } from '../host/boot-clock.js';

/**
 * The steps of a run that are written down, in the order an attempt comes to them; the one list of their names. Each is written when what it
 * names is done, except `storing` and `publishing`, which are written before, and `settled`: how the attempt ends is known, and cleaning
 * up is what is left.
 */
export const RUN_STEPS = [
  'planned',
  'admitted',
  'image_ready',
  'workspace_ready',
  'staged',
  'secrets_ready',
  'created',
  'started',
  'exited',
  'storing',
  'publishing',
  'published',
  'withdrawn',
  'collected',
  'settled',
] as const;

/** The name of a step. */
export type RunStepName = (typeof RUN_STEPS)[number];

/** One object of a publication. JSON-safe. */
export interface PublishedObject extends Digest {
  readonly path: string;
  /** Where its bytes stand until all are there; null within a transaction. */
  readonly temporaryPath: string | null;
  readonly contentType: string | null;
  readonly overwrite: boolean;
  readonly idempotencyKey: string;
}

/** What a run publishes in one storage: enough to finish it, or to take it back. JSON-safe. */
export interface Publication {
  /** Null: the storage the caller gave with the run, which nobody else can reach. */
  readonly mountId: string | null;
  /** Null where the storage has no transactions: then there are temporary objects. */
  readonly transactionId: string | null;
  readonly objects: readonly PublishedObject[];
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * How far a publication is. `storing`: nothing can be seen, so what there is of it is taken back. `publishing`: everything is stored, so it
 * is finished. `published` and `withdrawn`: nothing is left to do. Each is told before what it names begins, or after it is over.
 */
export type PublicationStep = Extract<RunStepName, 'storing' | 'publishing' | 'published' | 'withdrawn'>;

/** What another process has to know of a container that was made, to follow it in the place of the one that made it. JSON-safe, without values of secrets. */
export interface ContainerFacts {
  readonly containerId: string;
  readonly imageDigest: RunResult['image']['digest'];
  readonly inputs: readonly InputReport[];
  readonly given: GivenReport;
  /** `device:inode` of mount points in the workspace; they are no outputs. */
  readonly placeholders: readonly string[];
  /** The run's folder, and by which identity it is known again; the part for inputs is only there if there are any. */
  readonly workspace: {
    readonly path: string;
    readonly identity: { readonly run: string; readonly workspace: string; readonly inputs: string | null };
  };
  /** The folder with its secrets; null where none is delivered as a file. */
  readonly secretFiles: {
    readonly path: string;
    readonly identity: { readonly run: string; readonly files: string };
  } | null;
  /** What only the process that made it can give it or take from it, in words; null: nothing. */
  readonly needsItsProcess: string | null;
  /** Of the policy it was let in under. */
  readonly policyHash: string;
  /** Those of the caller's options that still matter. */
  readonly options: {
    readonly profile: string | null;
    readonly concurrencyKey: string | null;
    readonly maxLogChars: number | null;
    /** When something is kept after the end of a run, as decided for it. */
    readonly retention: Readonly<Record<'container' | 'workspace', 'never' | 'on_failure' | 'always'>>;
  };
}

/** What every step says. */
export interface RunStepFacts<N extends RunStepName> {
  readonly name: N;
  readonly attempt: number;
  /** ISO time on the host that ran it. */
  readonly at: string;
}

/** A step a run has come to. JSON-safe. */
export type RunStep =
  | RunStepFacts<Exclude<RunStepName, PublicationStep | 'created' | 'started' | 'settled'>>
  /** Without facts where an earlier version wrote it. */
  | (RunStepFacts<'created'> & { readonly container?: ContainerFacts | undefined })
  /** Without a time of its boot where the platform tells none, or an earlier version wrote it. */
  | (RunStepFacts<'started'> & { readonly bootTime?: BootTime | undefined })
  | (RunStepFacts<PublicationStep> & { readonly publication: Publication })
  | (RunStepFacts<'settled'> & { readonly outcome: RunOutcome });

/** A run as it is claimed. JSON-safe. */
export interface NewRun {
  readonly runId: string;
  /** The caller's idempotency key; null if there is none. */
  readonly key: string | null;
  /** Tells whether the same key stands for the same request. */
  readonly requestHash: string;
  readonly instance: string;
  /** The process that runs it, as in the label `owner`; of a remembered run, who took it over last. */
  readonly owner: string;
  readonly jobSlug: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  /** ISO. */
  readonly startedAt: string;
  /** What its receipt says of the request and of the policy; absent where an earlier version claimed it. */
  readonly receipt?: { readonly request: string; readonly policy: string } | undefined;
  /** Without parameters and contents: enough to account for a run, never enough to run it. */
  readonly plan: RunPlan;
}

/** A run as it is remembered. JSON-safe. */
export interface StoredRun extends NewRun {
  /** In the order they were appended. */
  readonly steps: readonly RunStep[];
  /** Null while it is open. */
  readonly end: RunOutcome | null;
}

/** That a process is at work, renewed while it is: what tells after a reboot, or from outside its container, that it no longer is. JSON-safe. */
export interface OwnerLease {
  readonly instance: string;
  /** As in the label `owner`. */
  readonly owner: string;
  /** The same for all processes of one machine, also after a reboot, and for no other machine; null where that cannot be told. */
  readonly machine: string | null;
  /** Grows with each renewal: who sees the same number twice knows that there was none in between, whatever any clock says. */
  readonly renewals: number;
  /** ISO, for people. */
  readonly renewedAt: string;
}

/** That somebody wants a run to end which another process runs. JSON-safe. */
export interface CancelRequest {
  readonly instance: string;
  readonly runId: string;
  /** When the run began that is meant, as it was claimed: its id may be used again. */
  readonly startedAt: string;
  /** Who asks, for people. */
  readonly by: string;
  readonly reason: string;
  /** ISO. */
  readonly at: string;
}

/**
 * Remembers runs, for several processes at once. Methods may be called concurrently, by different processes too. What a method has resolved for
 * is seen by every later call of any process, and is there after the process was killed. A store decides nothing: which run is dead, and
 * what becomes of it, is its caller's business. What it cannot do it rejects, with any error; a call that takes longer than 10 seconds is given up.
 */
export interface RunStore {
  /**
   * Claims a run id and, if there is one, its key in its instance, both or neither. Null: it is claimed, and the run is open. Otherwise the run that
   * stands in the way: the one that has the key, whether it is open or ended, or else the open one of the same id. Of several claims of one key at
   * the same time exactly one is granted. The id of a run that has ended may be claimed again. A claim survives the loss of power.
   */
  putIfAbsent(run: NewRun): Promise<StoredRun | null>;
  /** Adds a step to an open run; without effect on one that has ended or is not known. A step with a publication survives the loss of power. */
  append(runId: string, step: RunStep): Promise<void>;
  /**
   * Ends an open run. Only the first end counts: true if this is it. It survives the loss of power. With `keepsKey` the key stays with the run;
   * without, it can be claimed again. `at`: ISO, for `forget`.
   */
  end(
    runId: string,
    end: RunOutcome,
    options: { readonly keepsKey: boolean; readonly at: string },
  ): Promise<boolean>;
  /**
   * Makes another process the owner of an open run. Of several that try at the same time exactly one is told true, also where they are the same
   * process; false where it is not open, or not `from`'s any more. It survives the loss of power.
   */
  takeOver(runId: string, change: { readonly from: string; readonly to: string }): Promise<boolean>;
  /** What is known of a run, the open one before one that has ended; null if nothing is. */
  get(runId: string): Promise<StoredRun | null>;
  /** All open runs of an instance, or of one owner in it. */
  listOpen(filter: {
    readonly instance: string;
    readonly owner?: string | undefined;
  }): Promise<readonly StoredRun[]>;
  /**
   * Leaves word that an open run is to end, in the place of an earlier one; false, and nothing is left, where no such run is open. It is there
   * until the run ends.
   */
  requestCancel(request: CancelRequest): Promise<boolean>;
  /** What was left for the open runs of an instance. Every process at work asks once a second: it must be cheap where there is nothing. */
  listCancelRequests(instance: string): Promise<readonly CancelRequest[]>;
  /** Puts an owner's lease in the place of its earlier one. */
  renewLease(lease: OwnerLease): Promise<void>;
  /** The last lease of each owner of an instance. */
  listLeases(instance: string): Promise<readonly OwnerLease[]>;
  /** Forgets what ended before (ISO), with its keys, and the leases last renewed before of owners that have no open run. */
  forget(before: string): Promise<void>;
}
