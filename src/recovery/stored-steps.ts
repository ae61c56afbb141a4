/** Reads what a run wrote down of itself: which publications are open, how far it was, and whether its end was known already. Pure. */
import type { RunOutcome } from '../outcome.js';
import type { Publication, PublicationStep, RunStep, StoredRun } from '../run-store/types.js';

/** A publication that nobody finished or took back. */
export interface OpenPublication {
  readonly publication: Publication;
  readonly step: Extract<PublicationStep, 'storing' | 'publishing'>;
}

/** Of every attempt: each publishes once in each storage. */
export function openPublications({ steps }: StoredRun): readonly OpenPublication[] {
  const open = new Map<string, OpenPublication>();
  for (const step of steps) {
    if (!('publication' in step)) continue;
    const { name, attempt, publication } = step;
    const id = JSON.stringify([attempt, publication.mountId, publication.transactionId]);
    if (name === 'published' || name === 'withdrawn') open.delete(id);
    else open.set(id, { publication, step: name });
  }
  return [...open.values()];
}

/** How the last attempt ended; null if that was not known yet. */
export function settledOutcome({ steps }: StoredRun): RunOutcome | null {
  const attempt = lastStep(steps)?.attempt;
  for (const step of steps) if (step.name === 'settled' && step.attempt === attempt) return step.outcome;
  return null;
}

/** The step it came to last; undefined for a run that was only claimed. */
export function lastStep(steps: readonly RunStep[]): RunStep | undefined {
  return steps.at(-1);
}
