/** Measures once, when the job has ended, a workspace that cannot be looked at while it runs. It stops nothing: it says so. */
import { withinTime } from '../host/time-limit.js';
import type { TreeUsage } from '../host/tree-usage.js';
import type { TarBounds } from './tar-usage.js';
import {
  excessOf,
  type WorkspaceBounds,
  type WorkspaceListener,
  type WorkspaceWatch,
} from './watch-workspace.js';

/** A watch of which nothing is asked of the engine before the end, nor at the end of a job that never ran, nor where there is no bound. */
export function measureAtEnd(
  { measure }: { readonly measure: (bounds: TarBounds) => Promise<TreeUsage> },
  { maxBytes, maxEntries }: Pick<WorkspaceBounds, 'maxBytes' | 'maxEntries'>,
  {
    onExcess,
    onFailure,
    withinMs,
  }: Pick<WorkspaceListener, 'onExcess' | 'onFailure'> & { readonly withinMs: number },
): WorkspaceWatch {
  let hasStarted = false;
  return {
    started() {
      hasStarted = true;
    },
    async end() {
      if (!hasStarted || (maxBytes === null && maxEntries === null)) return;
      try {
        const usage = await withinTime(withinMs, async (signal) => measure({ maxBytes, maxEntries, signal }));
        const excess = excessOf(usage, { maxBytes, maxEntries });
        if (excess !== null) onExcess(excess);
      } catch (error) {
        onFailure(error);
      }
    },
  };
}
