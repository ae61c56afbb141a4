/** What all runs together may take: what the operator said, else what the engine has. It lets nobody in. */
import type { RuntimeConfig } from './config/runtime-config.js';
import type { EngineInfoCache } from './engine-info.js';
import { type Budget, toNanoCpus, type TurnLimits } from './execute/turns.js';

/** The budget over all runs of a runtime. */
export interface EngineBudget {
  /** Null: not known yet. */
  readonly current: () => Budget | null;
  /**
   * Asks the engine what it has, where the operator has not said it; what it answers first stands.
   *
   * @throws `engine.unreachable`, and whatever else the engine rejects with.
   */
  readonly learn: () => Promise<void>;
}

/** A budget for which nothing is asked yet. */
export function createEngineBudget(
  { budget: { cpus, memoryBytes }, workspace: { maxTotalBytes } }: RuntimeConfig,
  engineInfo: Pick<EngineInfoCache, 'get'>,
): EngineBudget {
  const toBudget = (engine: { readonly cpus: number; readonly memoryBytes: number }): Budget => ({
    nanoCpus: toNanoCpus(cpus ?? engine.cpus),
    memoryBytes: memoryBytes ?? engine.memoryBytes,
    workspaceBytes: maxTotalBytes,
  });
  let known = cpus === null || memoryBytes === null ? null : toBudget({ cpus, memoryBytes });
  return {
    current: () => known,
    async learn() {
      const { info } = await engineInfo.get();
      known ??= toBudget(info);
    },
  };
}

/** The bounds of the queue, as the operator set them. */
export function turnLimitsOf(config: RuntimeConfig, budget: EngineBudget['current']): TurnLimits {
  const { maxRunning, maxQueued, cpus, memoryBytes } = config.concurrencyKeys;
  const ofEachKey = {
    maxRunning,
    maxQueued,
    nanoCpus: cpus === null ? null : toNanoCpus(cpus),
    memoryBytes,
    workspaceBytes: null,
  };
  return {
    maxRunning: config.maxConcurrentRuns,
    maxQueued: config.maxQueuedRuns,
    budget,
    ofKey: () => ofEachKey,
  };
}
