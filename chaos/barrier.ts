/** Holds runs at the steps they are aimed at until all are there, so that one fault strikes each of them where it was meant to. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunStepName } from 'berthkit';
import { PATIENT_STORE_MS } from './bent-timers.js';

/** On timers that are not bent. Who is held must be let go before its store is given up. */
const MAX_HOLD_MS = PATIENT_STORE_MS - 20_000;

/** A meeting of runs. */
export interface Barrier {
  /** A run is at a step: if it is the one it is awaited at, this resolves when the fault has struck. */
  arrive(runId: string, step: RunStepName): Promise<void>;
  /** A run has ended, wherever it was. */
  leave(runId: string): void;
  /** Resolves when these runs are at their steps or have ended, or after a while. */
  allThere(runIds: readonly string[], maxMs: number): Promise<void>;
}

/** A barrier for runs by the step they are awaited at; `strike` is called once, when all are there or the first was held for long enough. */
export function createBarrier(
  awaited: ReadonlyMap<string, RunStepName>,
  strike: () => Promise<void>,
): Barrier {
  const missing = new Set(awaited.keys());
  const timeUp = new AbortController();
  let isTimed = false;
  let striking: Promise<void> | null = null;
  let letGo: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const open = (): void => {
    timeUp.abort();
    striking ??= strike().finally(letGo);
  };
  const holdNoLonger = async (): Promise<void> => {
    isTimed = true;
    await sleep(MAX_HOLD_MS, undefined, { signal: timeUp.signal }).then(open, () => undefined);
  };
  const cross = (runId: string): void => {
    missing.delete(runId);
    if (missing.size === 0) open();
  };
  return {
    async arrive(runId, step) {
      if (awaited.get(runId) !== step || !missing.has(runId)) return;
      if (!isTimed) void holdNoLonger();
      cross(runId);
      await opened;
    },
    leave(runId) {
      if (missing.has(runId)) cross(runId);
    },
    async allThere(runIds, maxMs) {
      const until = performance.now() + maxMs;
      while (runIds.some((runId) => missing.has(runId)) && performance.now() < until) await sleep(20);
    },
  };
}
