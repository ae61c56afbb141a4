/** A container of a run, from before the engine is asked for it until it is gone, also where the engine does not say that it has made it. */
import type { ContainerEngine } from './engine/types.js';
import { EngineError, JobRuntimeError } from './errors.js';
import type { Leaving } from './execute/create-container.js';
import type { ContainerSpec } from './plan/container-spec.js';
import type { LateWork } from './run-late-work.js';
import { removeContainer } from './run-removal.js';

/** What a run has made, or may have. */
export interface RunContainer {
  /** Null: the engine has not told it. */
  id: string | null;
  /** The run is over, and the engine has not answered. */
  readonly left: Leaving['told'];
  /**
   * Removes it by its id, else what has its name and its labels.
   *
   * @throws `engine.failed` for one that may yet come: it is removed when it does. What the engine's calls throw.
   */
  remove(signal: AbortSignal): Promise<void>;
}

/** One that is not asked for yet. */
export function createRunContainer(
  engine: ContainerEngine,
  spec: Pick<ContainerSpec, 'name' | 'labels'>,
  lateWork: Pick<LateWork, 'add'>,
): RunContainer {
  let answer: Parameters<Leaving['told']>[0] | null = null;
  let isOwed = false;
  const owe = (coming: Promise<{ readonly id: string }>): void => {
    if (isOwed) return;
    isOwed = true;
    lateWork.add(async () => removeLate(engine, spec, coming));
  };
  return {
    id: null,
    left(coming) {
      answer = coming;
    },
    async remove(signal) {
      try {
        const wasThere = await removeContainer(engine, this.id, spec, signal);
        if (wasThere || answer === null) return;
      } catch (error) {
        if (answer !== null) owe(answer);
        throw error;
      }
      owe(answer);
      throw new EngineError(
        'engine.failed',
        `the engine has not said whether it made ${spec.name}, which is removed as soon as it is there`,
      );
    },
  };
}

/** @throws where nobody knows yet whether it is to come. */
async function removeLate(
  engine: ContainerEngine,
  spec: Pick<ContainerSpec, 'name' | 'labels'>,
  answer: Promise<{ readonly id: string }>,
): Promise<void> {
  const { signal } = new AbortController();
  const id = await idFrom(answer);
  if (id === undefined) return;
  if (!(await removeContainer(engine, id, spec, signal))) throw new Error(`${spec.name} is not there`);
}

/** Null: there was no answer; undefined: the engine has refused. */
async function idFrom(answer: Promise<{ readonly id: string }>): Promise<string | null | undefined> {
  try {
    return (await answer).id;
  } catch (error) {
    const isRefusal = JobRuntimeError.isInstance(error) && error.code !== 'engine.unreachable';
    return isRefusal ? undefined : null;
  }
}
