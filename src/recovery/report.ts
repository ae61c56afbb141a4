/** What a reconciliation did and left alone, as data. */

/** Something a dead process left behind, and what was done about it, or would be. */
export interface ReconcileAction {
  /**
   * `finished`, for a run: what it published is finished or taken back, and it has its end in the run store. `adopted`, for a run: this process
   * follows its container to the end.
   */
  readonly action: 'removed' | 'finished' | 'adopted';
  readonly what: 'container' | 'volume' | 'secrets' | 'workspace' | 'run';
  /** The container's or the volume's name, the folder's path, or the run's id. */
  readonly name: string;
  readonly runId: string | null;
  /** Whose it was, as in the label `owner`. */
  readonly owner: string;
  /** How it is known that the owner is dead. */
  readonly proof: string;
  /** Of a run that was to be adopted (`recovery.mode`) and was finished instead: why. Else null. */
  readonly notAdopted: string | null;
  /** Why it could not be done; null if it was. A later pass tries again. */
  readonly problem: string | null;
}

/** Something that was left as it is. */
export interface LeftAlone {
  readonly what: 'container' | 'volume' | 'secrets' | 'workspace' | 'run';
  readonly name: string;
  readonly runId: string | null;
  /** `kept`: its run kept it on purpose. `adoptable`: another runtime could adopt its run, and this one was not to. `alive`: its owner is. `owner_unknown`: nothing proves its owner dead. `other_version`: what it says of itself is written in a way this version does not know. `look_alike`: not everything about it agrees. */
  readonly why:
    'kept' | 'adoptable' | 'alive' | 'owner_unknown' | 'other_version' | 'other_instance' | 'look_alike';
  readonly detail: string;
}

/** The outcome of one pass. What belongs to this process itself is not listed. */
export interface ReconcileReport {
  /** Nothing was touched; actions are what would have been done. */
  readonly dryRun: boolean;
  /** ISO. */
  readonly at: string;
  readonly actions: readonly ReconcileAction[];
  readonly leftAlone: readonly LeftAlone[];
}
