/** The step of a run after its container: outputs are collected, searched for secrets and stored, and may change the verdict. */
import { StorageError } from './errors.js';
import { withDeadline } from './execute/deadline.js';
import type { Ending } from './execute/follow-container.js';
import { makeFolder } from './host/folders.js';
import type { Run } from './run-context.js';
import type { Cleanup } from './run-cleanup.js';
import type { RunPlan } from './plan/run-plan.js';
import { endedBy } from './run-supervision.js';
import type { StagedRun } from './run-staging.js';
import { createKnownOutputs } from './run-outputs.js';
import { redactedMetadata } from './run-redaction.js';
import { collectOutputs } from './workspace/collect.js';
import { openRunFolder, type Workspace } from './workspace/create.js';
import { createOutputBringer, type OutputBringer } from './workspace/bring-output.js';
import { BROUGHT_FOLDER } from './workspace/layout.js';
import type { OutputSecrets } from './workspace/output-scan.js';

/** What is collected. */
interface CollectedParts {
  readonly plan: RunPlan;
  readonly workspace: Workspace;
  readonly staged: Pick<StagedRun, 'placeholders' | 'volumes'>;
  readonly cleanup: Cleanup;
  readonly ending: Ending;
}

/** Collects and stores outputs, whatever the exit code, and lets missing ones change a success. */
export async function collectRun(run: Run, parts: CollectedParts): Promise<void> {
  const { plan, workspace, staged, cleanup, ending } = parts;
  const { record, stop } = run;
  if (plan.outputs.length === 0 || record.verdict?.reason === 'runtime_shutdown') return;
  // A job that was stopped still hands out what it left; a stop that came after its end breaks this off.
  const signal = endedBy(ending, stop) === null ? stop.signal : undefined;
  const succeeded = record.verdict?.reason === 'completed';
  const known = createKnownOutputs(run, plan, succeeded);
  await run.timed('collectMs', 'collect', async () => {
    run.emit('collect_start', { outputs: plan.outputs.length });
    const onTimeout = (): Error =>
      new StorageError(
        'storage.collect_timed_out',
        `collecting took longer than ${String(plan.timeouts.collectMs)} ms`,
      );
    const collected = await withDeadline(
      { timeoutMs: plan.timeouts.collectMs, signal, onTimeout },
      async (bounded) => {
        const collecting = bringing(parts, async (bring) =>
          collectOutputs(workspace, plan, {
            bring,
            storage: run.ports.storage,
            outputTo: run.outputTo,
            succeeded,
            placeholders: staged.placeholders,
            secrets: outputSecretsOf(run),
            metadata: redactedMetadata(record.metadata, record.redactor),
            variables: { runId: record.runId, attempt: record.attempt, startedAt: record.startedAt },
            concurrency: run.config.concurrency.upload,
            signal: bounded,
            pause: async (milliseconds, until) => run.ports.clock.pause(milliseconds, until),
            journal: async (name, publication) => run.note({ name, publication }),
            // What is broken off has no such moments any more: by then the run is being cleaned up.
            onUploadStart: (found) => {
              if (!bounded.aborted) run.emit('upload_start', found);
            },
            onUploadEnd: () => {
              if (!bounded.aborted) run.emit('upload_end', {});
            },
            onOutput: (index, output, refusal) => {
              known.settle(index, output, refusal);
              run.emit('output_collected', { output });
            },
            onWarning: (message) => {
              run.warn(message);
            },
          }),
        );
        // What is broken off still takes back what it stored; the workspace goes, and the run ends, after that.
        cleanup.add('outputs', async () => {
          await Promise.allSettled([collecting]);
        });
        return collecting;
      },
    ).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      run.warn(`collecting the outputs was broken off: ${why}`);
      // A stop has the last word on a success; what else broke this off leaves it to the outputs.
      if (stop.cause === null) known.judge();
      throw error;
    });
    run.emit('collect_end', { files: collected.files, sizeBytes: collected.sizeBytes });
    // Before the failure is thrown: the result it carries is one of a job that may have left out an output.
    known.judge();
    if (collected.failure !== null) throw collected.failure;
    await run.note({ name: 'collected' });
  });
}

/** Lets outputs of a workspace that only the engine sees be brought into the run's folder, which goes with them. */
async function bringing<T>(
  { workspace, staged: { volumes } }: Pick<CollectedParts, 'workspace' | 'staged'>,
  work: (bring: OutputBringer | undefined) => Promise<T>,
): Promise<T> {
  if (volumes === null) return work(undefined);
  const run = await openRunFolder(workspace);
  try {
    const into = await makeFolder(run.handle, BROUGHT_FOLDER, { mode: 0o700 });
    const bring = createOutputBringer(volumes.workspace, into.handle);
    try {
      return await work(bring);
    } finally {
      await bring.close();
      await into.handle.close();
    }
  } finally {
    await run.handle.close();
  }
}

/** Nothing is looked for, and no time lost, in runs without secrets. */
function outputSecretsOf(run: Run): OutputSecrets | undefined {
  const { secrets, redact } = run.record;
  if (secrets.values().length === 0) return undefined;
  const block = run.config.policy.secrets.onLeak === 'block';
  const onFound = (secret: string, path: string): void => {
    secrets.leaked({ secret, place: 'output', path: redact(path) });
    run.warn(`the output ${JSON.stringify(path)} holds the secret "${secret}"`);
  };
  return { scanner: secrets.scanner(), block, onFound };
}
