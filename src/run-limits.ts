/** The limits of a run that are watched while its job runs: what it holds in its workspace, its outputs and its root file system. It judges no end. */
import type { ContainerEngine } from './engine/types.js';
import type { Choice } from './execute/disk-guard.js';
import { watchWritten, type WrittenWatch } from './execute/watch-written.js';
import type { RunPlan } from './plan/run-plan.js';
import type { Reason } from './result.js';
import type { Run } from './run-context.js';
import { bytesOfInputs } from './run-place.js';
import { type MeasuredVolumes, watchVolumeLimits } from './run-volume-limits.js';
import type { Workspace } from './workspace/create.js';
import { watchWorkspace, type WorkspaceExcess, type WorkspaceListener } from './workspace/watch-workspace.js';

/** A shortage of the host's is not laid to the job, which may be tried again. */
const REASONS_OF = {
  bytes: 'disk_limit_exceeded',
  entries: 'disk_limit_exceeded',
  output: 'output_limit_exceeded',
  disk: 'evicted',
} as const satisfies Record<WorkspaceExcess['of'], Reason>;

/** A watch under way. */
export interface LimitWatch {
  /** The job runs from now on. */
  readonly started: (engine: ContainerEngine, containerId: string) => void;
  /** Looks once more and ends the watch. Never rejects. */
  end(): Promise<void>;
}

/** Stops the run when its workspace, an output or its root file system is more than it may be, or when it is to make room on the disk. */
export function watchLimits(
  run: Run,
  plan: RunPlan,
  workspace: Workspace,
  volumes: MeasuredVolumes | null,
): LimitWatch {
  const { limits, outputs } = plan;
  const { runId } = run.record;
  const held = { inputs: volumes === null ? bytesOfInputs(run.record.inputs) : 0, workspace: 0, root: 0 };
  let choice: Choice | null = null;
  const onMeasured = (place: keyof typeof held) => (bytes: number) => {
    held[place] = bytes;
    run.diskGuard.use(runId, held.inputs + held.workspace + held.root, run.monotonic());
  };
  const bounds = {
    maxBytes: limits.workspaceBytes,
    maxEntries: limits.workspaceEntries,
    outputs: { outputs, limits },
    floor: run.config.workspace,
  };
  const listener: WorkspaceListener = {
    onExcess: (excess) => {
      run.stop.stop({
        reason: REASONS_OF[excess.of],
        by: 'watcher',
        message: describeExcess(excess, choice),
      });
    },
    onMeasured: onMeasured('workspace'),
    makesRoom: (shortage) => {
      run.surroundings.diskChecked(shortage);
      choice = run.diskGuard.choiceOf(runId, run.monotonic());
      return choice !== null;
    },
    onFailure: (error) => {
      run.warn(`the size of the workspace was not watched to the end: ${problemOf(error)}`);
    },
  };
  if (volumes === null) onMeasured('workspace')(0);
  const inVolumes =
    volumes === null
      ? null
      : watchVolumeLimits(run.volumeLooks, volumes, bounds, {
          ...listener,
          withinMs: plan.timeouts.collectMs,
          onMissed: (error) => {
            run.warn(`the size of the workspace was not watched while the job ran: ${problemOf(error)}`);
          },
        });
  const inFolder = volumes === null ? watchWorkspace(workspace, bounds, listener) : null;
  let rootWatch: WrittenWatch | null = null;
  return {
    started: (engine, containerId) => {
      inVolumes?.started(engine);
      inFolder?.started();
      if (limits.rootBytes === null) return;
      rootWatch = watchRoot(run, limits.rootBytes, { engine, containerId, onMeasured: onMeasured('root') });
    },
    async end() {
      await Promise.all([inVolumes?.end(), inFolder?.end(), rootWatch?.end()]);
    },
  };
}

interface WatchedRoot {
  readonly engine: ContainerEngine;
  readonly containerId: string;
  readonly onMeasured: (bytes: number) => void;
}

function watchRoot(
  run: Run,
  maxBytes: number,
  { engine, containerId, onMeasured }: WatchedRoot,
): WrittenWatch | null {
  if (!engine.capabilities.writtenBytes) {
    run.warn(
      'nothing bounds what the job writes to its root file system: the engine does not tell how much it is',
    );
    return null;
  }
  return watchWritten(engine, containerId, {
    maxBytes,
    onExcess: () => {
      const message = `the job wrote more than ${String(maxBytes)} bytes to its root file system (policy.security.rootBytes)`;
      run.stop.stop({ reason: 'disk_limit_exceeded', by: 'watcher', message });
    },
    onMeasured,
    onFailure: (error) => {
      run.warn(`what the job wrote to its root file system was not watched to the end: ${problemOf(error)}`);
    },
  });
}

const problemOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function describeExcess(excess: WorkspaceExcess, choice: Choice | null): string {
  switch (excess.of) {
    case 'output':
      return `while the job ran, output ${excess.workspacePath} ${excess.reason}`;
    case 'disk':
      return choice === 'came_last'
        ? `no run is seen to hold much, and the one that came last was ended: ${excess.shortage}`
        : `of all runs the one that held most was ended: ${excess.shortage}`;
    case 'bytes':
      return `the workspace holds more than ${String(excess.allowed)} bytes (workspace.maxBytes)`;
    case 'entries':
      return `the workspace holds more than ${String(excess.allowed)} files and folders (workspace.maxEntries)`;
  }
}
