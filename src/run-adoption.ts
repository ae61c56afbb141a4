/** The story of a run that was taken over from a dead process: secrets revealed again, followed, collected, cleaned up. One call an arrow. */
import { adoptContainer } from './execute/adopt-container.js';
import { createStopSource } from './execute/stop.js';
import { bootTime, msSince } from './host/boot-clock.js';
import type { AdoptableRun } from './recovery/adoptable.js';
import type { RunResult } from './result.js';
import { revealAgain } from './run-adopted-secrets.js';
import type { Cleanup } from './run-cleanup.js';
import { collectRun } from './run-collection.js';
import type { Run } from './run-context.js';
import { bytesOfInputs, withInputs } from './run-place.js';
import { demandOf } from './run-preparation.js';
import { removeContainer } from './run-removal.js';
import { keepContainer, keepFolder } from './run-retention.js';
import { conclude, settleAttempt } from './run-settling.js';
import { superviseContainer } from './run-supervision.js';
import type { Workspace } from './workspace/create.js';
import type { SecretFiles } from './workspace/secret-files.js';

/** A run that this process has taken over, with what it found of it. */
export interface AdoptedRun extends AdoptableRun {
  /** How it is known that its process is dead. */
  readonly proof: string;
  readonly workspace: Workspace;
  readonly secretFiles: SecretFiles | null;
}

/**
 * Brings one attempt to its end that another process began. What the job comes to is returned, what keeps the run from having an outcome is thrown,
 * as in the story of any run.
 */
export async function performAdopted(run: Run, adopted: AdoptedRun): Promise<RunResult> {
  const { info, facts, workspace, secretFiles } = adopted;
  const { plan } = adopted.run;
  const ranMs = ranMsOf(run, adopted);
  const startedMs = run.monotonic() - ranMs;
  recordFacts(run, adopted);
  const release = holdPlace(run, adopted);
  const failure = await settleAttempt(run, async (cleanup) => {
    const engine = await run.engine();
    undoLater(run, adopted, cleanup);
    cleanup.add('container', async (signal) => {
      if (await keepContainer(run, engine, info.id, signal)) return;
      await removeContainer(engine, info.id, info, signal);
    });
    const withheld = await revealAgain(run, plan, { info, files: secretFiles }, cleanup);
    run.record.phase = 'run';
    const parts = { plan, workspace, volumes: null, secretFiles, startedMs: () => startedMs };
    const ending = await superviseContainer(run, parts, async (supervision) => {
      const { runMs, idleOutputMs, stopGraceMs } = plan.timeouts;
      const { stopSignal } = plan.container;
      supervision.onRunning(engine, info.id);
      const onOutput = withheld === null ? supervision.onOutput : async () => Promise.resolve();
      const limits = { stopSignal, runMs, ranMs, idleOutputMs, stopGraceMs };
      return adoptContainer({ engine, stop: run.stop, ...limits, ...supervision, onOutput }, info.id);
    });
    if (withheld !== null) {
      withhold(run, withheld);
      return;
    }
    const placeholders = new Set(facts.placeholders);
    await collectRun(run, { plan, workspace, staged: { placeholders, volumes: null }, ending, cleanup });
  });
  release();
  return conclude(run, failure);
}

/** By a clock that nobody sets, where its start was seen on the same; else by two stamps. */
function ranMsOf(run: Run, { startedAt, startedBootTime }: AdoptedRun): number {
  const byStamps = Date.parse(run.timestamp()) - Date.parse(startedAt);
  return Math.max(0, msSince(startedBootTime, bootTime()) ?? byStamps);
}

function recordFacts({ record }: Run, { run, facts, info }: AdoptedRun): void {
  record.plan = run.plan;
  record.imageDigest = facts.imageDigest;
  record.containerName = info.name;
  record.policyHash = facts.policyHash;
  record.inputs = facts.inputs;
  record.given = facts.given;
  record.logsComplete = false;
}

/** As a run of this process has it undone. */
function undoLater(run: Run, { workspace, secretFiles }: AdoptedRun, cleanup: Cleanup): void {
  cleanup.add('workspace', async () => {
    run.diskGuard.leave(run.record.runId);
    return Promise.resolve();
  });
  cleanup.add('workspace', async (signal) => {
    if (!(await keepFolder(run, workspace, signal))) await workspace.remove(signal);
  });
  if (secretFiles !== null) cleanup.addFirst('secret', async (signal) => secretFiles.remove(signal));
}

/** It runs already, so it waits for no place; it takes the next there is, so that others do not come on top of it. */
function holdPlace(run: Run, { run: { plan }, facts }: AdoptedRun): () => void {
  const waiting = createStopSource(run.timestamp);
  const key = run.options.concurrencyKey ?? null;
  const demand = withInputs(run, demandOf(plan), bytesOfInputs(facts.inputs));
  const place = run.admission.admit(waiting, { key, queueing: 'patient', demand }, 'first');
  place.catch(() => undefined);
  return () => {
    waiting.stop({ reason: 'cancelled', by: 'caller', message: 'the run is over' });
    place.then(
      (leave) => {
        leave();
      },
      () => undefined,
    );
  };
}

/** Nothing the job wrote may leave; a job that succeeded but whose outputs nobody gets did not succeed. */
function withhold(run: Run, why: string): void {
  const { record } = run;
  run.warn(`its logs and outputs are withheld: ${why}`);
  const outputs = record.plan?.outputs ?? [];
  record.outputs = outputs.map(({ id, workspacePath }) => ({
    ...{ id, workspacePath, type: null, state: 'rejected', files: [], skipped: [] },
  }));
  const { verdict } = record;
  if (outputs.length === 0 || verdict?.reason !== 'completed') return;
  const what = `its outputs are withheld: ${why}`;
  const evidence = [...verdict.evidence, { by: 'watcher', what, at: run.timestamp() } as const];
  record.verdict = { ...verdict, reason: 'orphaned', evidence };
}
