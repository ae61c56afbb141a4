/** The runs of an instance, and what became of them, as text for people. Pure. */
import type { CancelReport, OpenRun, ReconcileAction, ReconcileReport } from '../index.js';

const COLUMNS: readonly {
  readonly title: string;
  readonly isOfAll: boolean;
  readonly cell: (run: OpenRun) => string;
}[] = [
  { title: 'RUN', isOfAll: false, cell: ({ runId }) => runId },
  { title: 'INSTANCE', isOfAll: true, cell: ({ instance }) => instance },
  { title: 'JOB', isOfAll: false, cell: ({ jobSlug }) => jobSlug ?? '-' },
  { title: 'IMAGE', isOfAll: false, cell: ({ image }) => image ?? '-' },
  { title: 'STATE', isOfAll: false, cell: stateOf },
  { title: 'SINCE', isOfAll: false, cell: ({ startedAt }) => startedAt ?? '-' },
  { title: 'OWNER', isOfAll: false, cell: ({ ownerState, proof }) => `${ownerState}: ${proof}` },
];

/** A table; `all`: with the instance of each. */
export function openRunLines(runs: readonly OpenRun[], all: boolean): readonly string[] {
  if (runs.length === 0) return ['no open runs'];
  const columns = COLUMNS.filter(({ isOfAll }) => all || !isOfAll);
  const rows = [
    columns.map(({ title }) => title),
    ...runs.map((run) => columns.map(({ cell }) => onOneLine(cell(run)))),
  ];
  const widths = columns.map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** Labels are anybody's words: nobody writes a line of his own into ours. */
const onOneLine = (text: string): string => text.replaceAll('\n', ' ');

function stateOf({ state, step, container }: OpenRun): string {
  const detail = step ?? container?.status;
  return detail === undefined ? state : `${state} (${detail})`;
}

/** What came of one cancellation. */
export function cancelLine({ runId, outcome, detail }: CancelReport): string {
  const advice = outcome === 'owner_dead' ? '; see: berthkit reconcile' : '';
  return onOneLine(outcome === 'cancelled' ? `${runId}: cancelled` : `${runId}: ${detail}${advice}`);
}

/** What was done, or would be, what could not be, and what was left alone. */
export function reconcileLines({ dryRun, actions, leftAlone }: ReconcileReport): readonly string[] {
  const failed = actions.filter(({ problem }) => problem !== null).length;
  const done = actions.length - failed;
  const lines = [
    ...actions.map((action) => actionLine(action, dryRun)),
    ...leftAlone.map(({ what, name, why, detail }) => `left      ${what} ${name}: ${why}: ${detail}`),
  ];
  return [
    ...lines.map(onOneLine),
    dryRun
      ? `${String(done)} would be done, ${String(leftAlone.length)} left alone`
      : `${String(done)} done, ${String(failed)} failed, ${String(leftAlone.length)} left alone`,
  ];
}

const WIDTH = 10;

function actionLine({ action, what, name, proof, problem }: ReconcileAction, dryRun: boolean): string {
  if (problem !== null) return `${'failed'.padEnd(WIDTH)}${what} ${name}: ${problem}`;
  const word = dryRun ? `would be ${action} ` : action.padEnd(WIDTH);
  return `${word}${what} ${name}: ${proof}`;
}
