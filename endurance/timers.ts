/** How many timers there are, with those that do not keep the process alive. */
import { createHook } from 'node:async_hooks';

/** Counts from now on. */
export function countTimers(): () => number {
  const open = new Set<number>();
  createHook({
    init(id, type) {
      if (type === 'Timeout') open.add(id);
    },
    destroy(id) {
      open.delete(id);
    },
  }).enable();
  return () => open.size;
}
