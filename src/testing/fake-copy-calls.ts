/** What the fake engine does with files of containers that do not run: copied in and out, and looked at. */
import type { EngineContainers } from '../engine/types.js';
import { EngineError } from '../errors.js';
import { lookAtFake, packFake, unpackIntoFake } from './fake-archives.js';
import type { FakeContainer } from './fake-container.js';
import type { FakePerform } from './fake-failures.js';
import { type FakeVolume, type FakeVolumeView, viewFakeVolumes } from './fake-volumes.js';

/** Those calls. */
export type CopyCalls = Required<Pick<EngineContainers, 'copyIn' | 'copyOut' | 'lookAt'>>;

/** What they need of the fake. */
export interface FakeCopyParts {
  readonly containers: ReadonlyMap<string, FakeContainer>;
  readonly volumes: ReadonlyMap<string, FakeVolume>;
  readonly perform: FakePerform;
  /** Notes a call in the wrong order, and gives what it rejects with. */
  readonly violate: (message: string) => EngineError;
}

/** Makes them. */
export function createFakeCopyCalls({ containers, volumes, perform, violate }: FakeCopyParts): CopyCalls {
  const atRest = (id: string): FakeVolumeView => {
    const container = containers.get(id);
    if (container === undefined) throw new EngineError('engine.not_found', `no such container: ${id}`);
    const { state, spec } = container;
    if (state.status === 'running') throw violate('files are copied while a container does not run');
    return viewFakeVolumes(spec, volumes);
  };
  return {
    copyIn: async (id, path, tar, options) =>
      perform('containers.copyIn', id, options?.signal, async () => unpackIntoFake(atRest(id), path, tar)),
    copyOut: async (id, path, options) =>
      perform('containers.copyOut', id, options?.signal, async () => {
        const signal = options?.signal;
        return untilAborted(await packFake(atRest(id), path), signal);
      }),
    lookAt: async (id, path, options) =>
      perform('containers.lookAt', id, options?.signal, () =>
        containers.has(id) ? lookAtFake(atRest(id), path) : null,
      ),
  };
}

async function* untilAborted<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void, undefined> {
  for await (const item of source) {
    signal?.throwIfAborted();
    yield item;
  }
}
