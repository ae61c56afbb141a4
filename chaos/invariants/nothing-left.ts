/** The third and the fourth invariant: nothing of ours is left, and nothing else is touched. Pure. */
import { entriesOf, eventsOf } from '../entries.js';
import type { History } from '../history.js';
import type { Violation } from '../violation.js';

/** What a clean-up calls what it could not remove. */
const CLEANED_AS = {
  container: 'container',
  // They are removed with the workspace that they belong to.
  volume: 'workspace',
  workspace: 'workspace',
  secret: 'secret',
  object: 'outputs',
  descriptor: null,
  timer: null,
  claim: null,
  runtime: null,
} as const;

/** What is left though nobody was told that it could not be removed. */
export function checkNothingLeft(history: History): readonly Violation[] {
  return entriesOf(history, 'left')
    .filter(({ what, runId }) => !wasTold(history, CLEANED_AS[what], runId))
    .map(({ what, name, runId }) => ({
      invariant: 'nothing_is_left' as const,
      runId,
      what: `${what} ${name} is left`,
    }));
}

function wasTold(history: History, what: string | null, runId: string | null): boolean {
  if (what === null || runId === null) return false;
  return eventsOf(history, runId, 'cleanup_error').some((event) => event.what === what);
}

/** Bystanders that are not what they were. */
export function checkNothingTouched(history: History): readonly Violation[] {
  return entriesOf(history, 'bystander')
    .filter(({ before, after }) => before !== after)
    .map(({ name, before, after }) => ({
      invariant: 'nothing_else_is_touched' as const,
      runId: null,
      what: `${name} was "${before}" and is "${after}"`,
    }));
}
