/** A runtime's numbers put together from those who know them. It counts nothing. */
import type { EngineBudget } from './engine-budget.js';
import type { Admission } from './execute/admission.js';
import type { Resting } from './execute/resting.js';
import type { RuntimeRecovery } from './runtime-recovery.js';
import type { RuntimeReports } from './runtime-reports.js';
import type { RuntimeStats } from './stats.js';

/** Who knows the numbers. */
export interface StatsSources {
  readonly at: string;
  readonly admission: Pick<Admission, 'load' | 'running' | 'isPaused'>;
  readonly resting: Pick<Resting, 'count'>;
  readonly recovery: Pick<RuntimeRecovery, 'leftovers'>;
  readonly budget: Pick<EngineBudget, 'current'>;
  readonly isClosed: boolean;
  readonly reports: Pick<RuntimeReports, 'counted'>;
}

/** Keys are an application's to choose, and may be many. */
const MOST_KEYS = 100;

const toCpus = (nanoCpus: number): number => nanoCpus / 1e9;

/** As of now. */
export function statsOf(sources: StatsSources): RuntimeStats {
  const { at, admission, resting, recovery, budget, isClosed, reports } = sources;
  const { taken, queued, keys } = admission.load();
  const known = budget.current();
  const busiest = keys
    .map(({ key, ...numbers }) => ({ concurrencyKey: key, ...numbers }))
    .sort((a, b) => b.running + b.queued - (a.running + a.queued))
    .slice(0, MOST_KEYS);
  const { nanoCpus, memoryBytes, workspaceBytes } = taken;
  return {
    at,
    running: admission.running,
    queued,
    resting: resting.count,
    quarantined: recovery.leftovers,
    keys: busiest,
    reserved: { cpus: toCpus(nanoCpus), memoryBytes, workspaceBytes },
    budget:
      known === null
        ? null
        : {
            cpus: known.nanoCpus === null ? null : toCpus(known.nanoCpus),
            memoryBytes: known.memoryBytes,
            workspaceBytes: known.workspaceBytes,
          },
    isPaused: admission.isPaused,
    isClosed,
    ...reports.counted(),
  };
}
