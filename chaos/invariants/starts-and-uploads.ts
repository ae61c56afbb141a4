/** The sixth invariant: each attempt starts at most once, there are no more attempts than allowed, each object has one key, and outputs of a transaction come all or not at all. Pure. */
import { askedRuns, endsOf, entriesOf, successOf } from '../entries.js';
import type { AskedRun, History } from '../history.js';
import type { Violation } from '../violation.js';

/** Runs that started too often or published a part. */
export function checkStartsAndUploads(history: History): readonly Violation[] {
  return askedRuns(history).flatMap((run) =>
    [...startProblems(history, run), ...keyProblems(history, run), ...uploadProblems(history, run)].map(
      (what) => ({
        invariant: 'one_start_and_all_or_no_uploads' as const,
        runId: run.runId,
        what,
      }),
    ),
  );
}

function startProblems(history: History, { runId, maxAttempts, joins }: AskedRun): readonly string[] {
  const attempts = entriesOf(history, 'container')
    .filter((entry) => entry.runId === runId && entry.what === 'start')
    .map(({ attempt }) => attempt);
  const repeated = attempts.filter((attempt, index) => attempts.indexOf(attempt) !== index);
  return [
    ...repeated.map((attempt) => `attempt ${String(attempt)} started more than once`),
    ...(attempts.length > maxAttempts ? ['it has more attempts than it may have'] : []),
    ...(joins !== null && attempts.length > 0 && hasSucceeded(history, joins)
      ? ['the run it joined succeeded, and yet it started too']
      : []),
  ];
}

/** A storage that is asked twice for one object knows that by the key alone. */
function keyProblems(history: History, { runId }: AskedRun): readonly string[] {
  const keys = new Map<string, Set<string>>();
  for (const { runId: its, attempt, path, key } of entriesOf(history, 'written')) {
    if (its !== runId) continue;
    const of = `${path} of attempt ${attempt}`;
    keys.set(of, (keys.get(of) ?? new Set()).add(key));
  }
  return [...keys]
    .filter(([, its]) => its.size > 1)
    .map(([of, its]) => `${of} was written with ${String(its.size)} idempotency keys`);
}

function hasSucceeded(history: History, runId: string): boolean {
  return endsOf(history, runId).some(({ outcome }) => successOf(outcome) !== null);
}

function uploadProblems(history: History, { runId, outputs, isTransaction }: AskedRun): readonly string[] {
  if (!isTransaction) return [];
  const published = entriesOf(history, 'published')
    .filter((entry) => entry.runId === runId)
    .map(({ path }) => path);
  const seen = outputs.filter((path) => published.includes(path));
  if (seen.length === 0 || seen.length === outputs.length) return [];
  return [`of ${String(outputs.length)} outputs only ${seen.join(', ')} can be seen`];
}
