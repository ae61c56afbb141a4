/** Holds a recorded scene against the six invariants of docs/guarantees.md. Pure: it looks at nothing but the record. */
import { checkEnds } from './invariants/one-end.js';
import { checkNothingLeft, checkNothingTouched } from './invariants/nothing-left.js';
import { checkStartsAndUploads } from './invariants/starts-and-uploads.js';
import { checkSecrets } from './invariants/secrets.js';
import { checkSuccesses } from './invariants/proven-success.js';
import { checkTrueEnds } from './invariants/true-end.js';
import type { History } from './history.js';
import type { Violation } from './violation.js';

/** Everything in a history that breaks an invariant; empty if nothing does. */
export function checkHistory(history: History): readonly Violation[] {
  return [
    ...checkEnds(history),
    ...checkTrueEnds(history),
    ...checkSuccesses(history),
    ...checkNothingLeft(history),
    ...checkNothingTouched(history),
    ...checkSecrets(history),
    ...checkStartsAndUploads(history),
  ];
}
