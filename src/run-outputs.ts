/** What is known of a run's outputs while they are collected, and what they do to its verdict. It collects nothing. */
import type { RunPlan } from './plan/run-plan.js';
import type { OutputReport } from './result.js';
import type { Run } from './run-context.js';
import { isWanted, type OutputRefusal } from './workspace/collect.js';

/** The outputs of one run, in the order of its plan. */
export interface KnownOutputs {
  /** Takes down what an output has come to, and warns of why it was refused: the verdict tells of one at most. */
  settle(index: number, report: OutputReport, refusal: OutputRefusal | null): void;
  /** Changes a success that required outputs are missing for, or whose outputs were refused; any other outcome of the job stands. */
  judge(): void;
}

/** Keeps the record's outputs up to date: one that is wanted has failed for as long as nothing else is known of it. */
export function createKnownOutputs(
  run: Pick<Run, 'record' | 'timestamp' | 'warn'>,
  { outputs }: RunPlan,
  succeeded: boolean,
): KnownOutputs {
  const { record } = run;
  const reports: OutputReport[] = outputs.map((output) => ({
    id: output.id,
    workspacePath: output.workspacePath,
    type: null,
    state: isWanted(output, succeeded) ? 'failed' : 'skipped',
    files: [],
    skipped: [],
  }));
  const refusals: ((Pick<OutputRefusal, 'cause'> & { readonly what: string }) | undefined)[] = [];
  record.outputs = [...reports];
  return {
    settle(index, report, refusal) {
      reports[index] = report;
      record.outputs = [...reports];
      if (refusal === null) return;
      const { cause, reason } = refusal;
      const what = `output ${report.workspacePath} was refused: ${reason}`;
      refusals[index] = { cause, what };
      run.warn(what);
    },
    judge() {
      const at = run.timestamp();
      const { verdict } = record;
      if (verdict?.reason !== 'completed') return;
      // Also optional ones: a link in the place of an output is never an accident to be passed over.
      const refused = refusals.find((refusal) => refusal !== undefined && refusal.cause !== 'held_back');
      const absent = reports.find(({ state }) => state === 'missing');
      if (refused !== undefined) {
        const reason = refused.cause === 'limit' ? 'output_limit_exceeded' : 'output_rejected';
        const { what } = refused;
        record.verdict = { ...verdict, reason, evidence: [...verdict.evidence, { by: 'watcher', what, at }] };
      } else if (absent !== undefined) {
        const what = `required output ${absent.workspacePath} is missing`;
        record.verdict = {
          ...verdict,
          reason: 'output_missing',
          evidence: [...verdict.evidence, { by: 'watcher', what, at }],
        };
      }
    },
  };
}
