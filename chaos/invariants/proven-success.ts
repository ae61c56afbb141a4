/** The second invariant: a success really was one, by the engine's own word and by what is published. Pure. */
import type { RunResult } from 'berthkit';
import { askedRuns, endsOf, entriesOf, successOf } from '../entries.js';
import type { AskedRun, History } from '../history.js';
import type { Violation } from '../violation.js';

/** Successes that the engine and the storage do not bear out. */
export function checkSuccesses(history: History): readonly Violation[] {
  return askedRuns(history).flatMap((run) => {
    const success = endsOf(history, run.runId)
      .map(({ outcome }) => successOf(outcome))
      .find((result) => result !== null);
    if (success == null) return [];
    return [...engineProblems(history, success), ...outputProblems(history, run, success)].map((what) => ({
      invariant: 'success_is_proven' as const,
      runId: run.runId,
      what,
    }));
  });
}

function engineProblems(history: History, { runId, attempt, stdout, outputs }: RunResult): readonly string[] {
  const own = entriesOf(history, 'container').filter(
    (entry) => entry.runId === runId && entry.attempt === attempt,
  );
  const died = own.filter(({ what }) => what === 'die');
  if (died.some(({ exitCode }) => exitCode !== 0)) {
    return [`its container exited with ${died.map(({ exitCode }) => String(exitCode)).join(', ')}`];
  }
  if (died.length > 0) return own.some(({ what }) => what === 'start') ? [] : ['its container never started'];
  // Where the engine's events were missed, only the job itself can bear witness.
  const wasHeard = entriesOf(history, 'engine_unheard').length === 0;
  const hasTrace =
    stdout.text?.includes('the job is done') === true || outputs.some(({ files }) => files.length > 0);
  return wasHeard || !hasTrace ? ['nobody saw its container exit with 0'] : [];
}

/** Of a run that joined another, the outputs are that one's. */
function outputProblems(
  history: History,
  { outputs, joins }: AskedRun,
  success: RunResult,
): readonly string[] {
  if (joins !== null) return [];
  const published = entriesOf(history, 'published');
  const missing = outputs.filter((path) => !published.some((entry) => entry.path === path));
  const wrong = success.outputs
    .flatMap(({ files }) => files)
    .filter(({ uploaded }) => uploaded !== null)
    .filter(
      ({ uploaded, sha256 }) =>
        !published.some((entry) => entry.path === uploaded?.path && entry.sha256 === sha256),
    );
  return [
    ...missing.map((path) => `its output ${path} is not published`),
    ...wrong.map(({ path }) => `its output ${path} is not published as it says`),
  ];
}
