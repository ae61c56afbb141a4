/** What the fake engine does with volumes: made, taken away, listed and measured. */
import { isDeepStrictEqual } from 'node:util';
import type { EngineVolumes } from '../engine/types.js';
import { EngineError } from '../errors.js';
import type { FakePerform } from './fake-failures.js';
import { createFakeVolume, type FakeVolume } from './fake-volumes.js';

/** What that needs of the fake. */
export interface FakeVolumeParts {
  readonly volumes: Map<string, FakeVolume>;
  /** Whether a container has it mounted. */
  readonly isUsed: (name: string) => boolean;
  readonly perform: FakePerform;
  /** Whether it tells how much each holds. */
  readonly tellsBytes: boolean;
}

const bytesOf = ({ nodes }: FakeVolume): number =>
  [...nodes.values()].reduce((sum, { bytes }) => sum + bytes.byteLength, 0);

/** Makes those calls. */
export function createFakeVolumeCalls({
  volumes,
  isUsed,
  perform,
  tellsBytes,
}: FakeVolumeParts): EngineVolumes {
  const usedBytes: EngineVolumes['usedBytes'] = async (options) =>
    perform(
      'volumes.usedBytes',
      null,
      options?.signal,
      () => new Map([...volumes].map(([name, volume]) => [name, bytesOf(volume)])),
    );
  return {
    ...(tellsBytes ? { usedBytes } : {}),
    create: async ({ name, labels }, options) =>
      perform('volumes.create', name, options?.signal, () => {
        const there = volumes.get(name);
        if (there === undefined) volumes.set(name, createFakeVolume(name, labels));
        else if (!isDeepStrictEqual(there.labels, labels))
          throw new EngineError('engine.conflict', `there is another volume ${name} already`);
      }),
    remove: async (name, options) =>
      perform('volumes.remove', name, options?.signal, () => {
        if (isUsed(name)) throw new EngineError('engine.conflict', `volume ${name} is in use`);
        volumes.delete(name);
      }),
    list: async (labels, options) =>
      perform('volumes.list', null, options?.signal, () =>
        [...volumes.values()]
          .filter((volume) => Object.entries(labels).every(([key, value]) => volume.labels[key] === value))
          .map(({ name, labels: own }) => ({ name, labels: own })),
      ),
  };
}
