/** Removes the container of an attempt, or keeps it where that is asked for. It judges no owner. */
import type { ContainerEngine } from './engine/types.js';
import { EngineError } from './errors.js';
import { withDeadline } from './execute/deadline.js';
import { engineCall } from './execute/engine-call.js';
import type { ContainerSpec } from './plan/container-spec.js';

/**
 * By id, or by name where the answer to the creation was lost; the name alone is no proof, the run's label is. False: there is none that would be
 * proven to be it.
 */
export async function removeContainer(
  engine: ContainerEngine,
  id: string | null,
  spec: Pick<ContainerSpec, 'name' | 'labels'>,
  signal: AbortSignal,
): Promise<boolean> {
  if (id !== null) {
    await removeInTime(engine, id, signal);
    return true;
  }
  const found = await engineCall('inspect', signal, (callSignal) =>
    engine.containers.inspect(spec.name, { signal: callSignal }),
  );
  const isOurs = Object.entries(spec.labels).every(([name, value]) => found?.labels[name] === value);
  if (found === null || !isOurs) return false;
  await removeInTime(engine, found.id, signal);
  return true;
}

/** Short enough for another try after a connection that died without a word. A removal may be repeated while one is under way. */
const REMOVE_MS = 20_000;

async function removeInTime(engine: ContainerEngine, id: string, signal: AbortSignal): Promise<void> {
  const onTimeout = (): Error =>
    new EngineError(
      'engine.unreachable',
      `the engine did not remove the container within ${String(REMOVE_MS)} ms`,
    );
  await withDeadline({ timeoutMs: REMOVE_MS, signal, onTimeout }, async (callSignal) =>
    engine.containers.remove(id, { signal: callSignal }),
  );
}
