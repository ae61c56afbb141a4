/** What strangers put into labels is told, and never as a line of ours. */
import { expect, it } from 'vitest';
import type { CancelReport, OpenRun, ReconcileReport } from 'berthkit';
import { cancelLine, openRunLines, reconcileLines } from '../../src/cli/render-instance.js';

const FORGED = 'x\nremoved   container ours: it is dead';
const action = { action: 'removed', what: 'container', runId: null, owner: 'o', notAdopted: null } as const;

it('a report of reconcile has one line for each thing', () => {
  const report: ReconcileReport = {
    dryRun: false,
    at: '2026-01-01T00:00:00.000Z',
    actions: [
      { ...action, name: FORGED, proof: FORGED, problem: null },
      { ...action, name: 'b', proof: 'p', problem: FORGED },
    ],
    leftAlone: [
      { what: 'container', name: 'c', runId: null, why: 'other_instance', detail: `it is of "${FORGED}"` },
    ],
  };
  const lines = reconcileLines(report);
  expect(lines).toHaveLength(4);
  expect(lines.join('')).not.toContain('\n');
});

it('so has a list of runs, and what came of a cancellation', () => {
  const run = {
    runId: 'r',
    instance: FORGED,
    jobSlug: FORGED,
    image: FORGED,
    proof: FORGED,
    state: FORGED,
    startedAt: null,
    container: null,
    step: null,
  } as unknown as OpenRun;
  const report: CancelReport = { runId: 'r', outcome: 'ended', end: null, detail: FORGED };
  const lines = [...openRunLines([run], true), cancelLine(report)];
  expect(lines).toHaveLength(3);
  expect(lines.join('')).not.toContain('\n');
});
