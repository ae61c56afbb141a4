/** An engine that counts the containers that are made and are there at one time; everything else it passes on. */
import type { ContainerEngine, ContainerSpec } from 'berthkit';

/** What was counted. */
export interface CountingEngine {
  readonly engine: ContainerEngine;
  /** Containers that were made. */
  made(): number;
  /** Most that were there at one time, from their creation to their removal. */
  most(): number;
  /** Most of a sum over the containers that were there at one time. */
  mostOf(amount: (spec: ContainerSpec) => number): number;
}

/** Counts what goes through to a given engine, before a creation and after a removal: never too few. */
export function countingEngine(engine: ContainerEngine): CountingEngine {
  const live = new Map<string, ContainerSpec>();
  const moments: (readonly ContainerSpec[])[] = [];
  let made = 0;
  return {
    engine: {
      ...engine,
      // The runtime's clean-up must not close an engine the test still needs.
      close: async () => Promise.resolve(),
      containers: {
        ...engine.containers,
        async create(spec, options) {
          // A helper is none of a job's.
          if (Object.values(spec.labels).includes('helper')) return engine.containers.create(spec, options);
          made += 1;
          live.set(spec.name, spec);
          moments.push([...live.values()]);
          return engine.containers.create(spec, options);
        },
        async remove(id, options) {
          const info = await engine.containers.inspect(id, options);
          await engine.containers.remove(id, options);
          if (info !== null) live.delete(info.name);
        },
      },
    },
    made: () => made,
    most: () => Math.max(0, ...moments.map((specs) => specs.length)),
    mostOf: (amount) =>
      Math.max(0, ...moments.map((specs) => specs.reduce((sum, spec) => sum + amount(spec), 0))),
  };
}
