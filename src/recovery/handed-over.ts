/** What runtimes of this process that have closed could not remove: others of the same instance and root try again. It removes nothing. */

/** What was left at one place. */
export interface HandedOver {
  /** A runtime that closes leaves these runs to others. */
  leave(runIds: Iterable<string>): void;
  readonly has: (runId: string) => boolean;
  /** It is gone, or the run's id is used again: what there is of it now is another run's to remove. */
  forget(runId: string): void;
}

/** Labels name the process, not the runtime: nobody else takes these for left. */
const left = new Map<string, Set<string>>();

/** Those of an instance beneath a root. */
export function handedOver(instance: string, workspaceRoot: string): HandedOver {
  const key = JSON.stringify([instance, workspaceRoot]);
  return {
    leave(runIds) {
      const both = new Set([...(left.get(key) ?? []), ...runIds]);
      if (both.size > 0) left.set(key, both);
    },
    has: (runId) => left.get(key)?.has(runId) === true,
    forget(runId) {
      const runIds = left.get(key);
      if (runIds?.delete(runId) === true && runIds.size === 0) left.delete(key);
    },
  };
}
