/** Leaves behind what is to be kept of a run, instead of removing it. Whether that is wanted was decided when its end was known. */
import { isKept } from './config/retention.js';
import type { Retention } from './config/runtime-config.js';
import type { ContainerEngine } from './engine/types.js';
import { engineCall } from './execute/engine-call.js';
import { bootTime } from './host/boot-clock.js';
import type { Run } from './run-context.js';
import type { Workspace } from './workspace/create.js';
import { keepWorkspace } from './workspace/kept.js';

/** Lets a container stay that is to be kept and has ended; true: it stays. Whatever still runs is removed. */
export async function keepContainer(
  run: Run,
  engine: ContainerEngine,
  id: string | null,
  signal: AbortSignal,
): Promise<boolean> {
  if (id === null || !wants(run, 'container')) return false;
  const info = await engineCall('inspect', signal, (callSignal) =>
    engine.containers.inspect(id, { signal: callSignal }),
  );
  if (info?.status !== 'exited' && info?.status !== 'dead') return false;
  const remove = async (until: AbortSignal): Promise<void> => engine.containers.remove(id, { signal: until });
  run.keeping.container = { id, name: info.name, remove };
  if (run.record.plan?.secretEnvironment.some(({ as }) => as === 'env') === true) {
    run.warn('the kept container has secrets in its environment: whoever may inspect it reads them');
  }
  return true;
}

/**
 * Keeps the run's folder, or a note in it of the container that was kept; true: it stays. What cannot be kept is removed with a warning: the
 * run's result does not depend on it.
 */
export async function keepFolder(run: Run, workspace: Workspace, signal: AbortSignal): Promise<boolean> {
  const { container } = run.keeping;
  const keepsFiles = wants(run, 'workspace');
  if (!keepsFiles && container === null) return false;
  const { runId, attempt } = run.record;
  try {
    const kept = await keepWorkspace(workspace, {
      runId,
      attempt,
      keptAt: run.timestamp(),
      bootTime: bootTime(),
      container: container === null ? null : { id: container.id, name: container.name },
      instance: run.identity.instance,
      keepsFiles,
      maxBytes: run.config.retention.maxBytes,
      signal,
    });
    run.record.kept = { container: kept.container?.name ?? null, workspace: kept.workspace };
    run.emit('kept', run.record.kept);
    run.onKept();
    return true;
  } catch (error) {
    run.warn(`nothing is kept: ${error instanceof Error ? error.message : String(error)}`);
    await container?.remove(signal);
    return false;
  }
}

function wants(run: Run, what: keyof Retention): boolean {
  const { retention, succeeded, canKeep } = run.keeping;
  return canKeep && succeeded !== null && isKept(retention[what], succeeded);
}
