/** An invariant that does not hold, as data. */

/** The six invariants of docs/guarantees.md, in their order. */
export const INVARIANTS = [
  'one_end',
  'success_is_proven',
  'nothing_is_left',
  'nothing_else_is_touched',
  'secrets_stay_secret',
  'one_start_and_all_or_no_uploads',
] as const;

/** One way in which a history breaks an invariant. */
export interface Violation {
  readonly invariant: (typeof INVARIANTS)[number];
  /** Null where it is no run's in particular. */
  readonly runId: string | null;
  readonly what: string;
}
