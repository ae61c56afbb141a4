/** Finds the calls to an engine that are made without a signal: those could not be given up if they hung. */
import type { ContainerEngine } from '../../src/engine/types.js';

type Call = (...given: unknown[]) => unknown;

/** The same calls; `told` gets the names of those that were made without a signal. */
export function checkingSignals<T extends object>(calls: T, told: string[]): T {
  const checked = Object.entries(calls).map(([name, call]) => [
    name,
    (...given: unknown[]) => {
      const { signal } = (given.at(-1) ?? {}) as { readonly signal?: unknown };
      if (!(signal instanceof AbortSignal)) told.push(name);
      return (call as Call)(...given);
    },
  ]);
  return Object.fromEntries(checked) as T;
}

/** An engine whose calls to containers and volumes are looked at. */
export function checkedEngine(engine: ContainerEngine, told: string[]): ContainerEngine {
  return {
    ...engine,
    containers: checkingSignals(engine.containers, told),
    ...(engine.volumes === undefined ? {} : { volumes: checkingSignals(engine.volumes, told) }),
  };
}
