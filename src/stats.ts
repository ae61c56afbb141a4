/** What a runtime counts of its runs and of itself, from its events alone: the numbers, and how they add up. Pure. */
import { ERROR_CODES, type ErrorCode } from './error-codes.js';
import type { EventFields, RunEvent } from './events.js';
import { type Durations, type Reason, REASONS } from './result.js';
import type { RuntimeEvent } from './runtime-events.js';

/** The phases whose times are counted. */
export type StatsPhase = Exclude<keyof Durations, 'totalMs'>;

/** How long something took, over all times it was done. */
export interface DurationStats {
  readonly count: number;
  readonly sumMs: number;
  /** How many took at most so long; each counts those before it, too. */
  readonly buckets: readonly { readonly upToMs: number; readonly count: number }[];
}

/** Everything so far, since the runtime was created; numbers that never get smaller. */
export interface StatsTotals {
  /** Calls of `runJob`, `startJob`, `run`, `startRun` and definitions of `runJobs`, refused and joined ones too. */
  readonly started: number;
  /** Those that ended with a result, by reason. */
  readonly ended: Readonly<Record<Reason, number>>;
  /** Those that ended with an error, by its code. */
  readonly errors: Readonly<Record<ErrorCode, number>>;
  readonly attempts: number;
  /** Images that were pulled because they were not there. */
  readonly pulls: number;
  readonly stagedBytes: number;
  readonly collectedBytes: number;
  readonly warnings: number;
  /** Things that could not be removed at the end of a run. */
  readonly cleanupErrors: Readonly<Record<EventFields['cleanup_error']['what'], number>>;
  readonly engineLosses: number;
  readonly policyChanges: number;
  readonly reconcile: {
    readonly passes: number;
    readonly failedPasses: number;
    readonly removed: number;
    readonly finished: number;
    readonly adopted: number;
    /** Things that could not be dealt with; each pass counts them again. */
    readonly problems: number;
  };
  /** Of each run's last attempt, as in `durations` of its result. */
  readonly phases: Readonly<Record<StatsPhase, DurationStats>>;
  /** Whole runs with their waits and pauses. */
  readonly wholeRuns: DurationStats;
}

/** Adds up. */
export interface StatsCounter {
  run(event: RunEvent): void;
  runtime(event: RuntimeEvent): void;
  totals(): StatsTotals;
}

/** From jobs of a blink to jobs of hours. */
const BUCKETS_MS = [50, 250, 1_000, 5_000, 15_000, 60_000, 300_000, 900_000, 3_600_000, 14_400_000];

interface Timer {
  add(milliseconds: number | null): void;
  stats(): DurationStats;
}

function createTimer(): Timer {
  let count = 0;
  let sumMs = 0;
  const counts = BUCKETS_MS.map(() => 0);
  return {
    add(milliseconds) {
      if (milliseconds === null) return;
      count += 1;
      sumMs += milliseconds;
      for (const [index, upToMs] of BUCKETS_MS.entries()) {
        if (milliseconds <= upToMs) counts[index] = (counts[index] ?? 0) + 1;
      }
    },
    stats: () => ({
      count,
      sumMs,
      buckets: BUCKETS_MS.map((upToMs, index) => ({ upToMs, count: counts[index] ?? 0 })),
    }),
  };
}

/** A zero for each of some names. */
function zeros<K extends string>(names: readonly K[]): Record<K, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<K, number>;
}

/** Adds one where the name is known: what another version wrote has no place here. */
function countIn(counts: Record<string, number>, name: string): void {
  if (Object.hasOwn(counts, name)) counts[name] = (counts[name] ?? 0) + 1;
}

/** Nothing counted yet. */
export function createStatsCounter(): StatsCounter {
  const ended = zeros(Object.keys(REASONS) as Reason[]);
  const errors = zeros(Object.keys(ERROR_CODES) as ErrorCode[]);
  const cleanupErrors = zeros(['container', 'workspace', 'secret', 'outputs']);
  const plain = zeros([
    'started',
    'attempts',
    'pulls',
    'stagedBytes',
    'collectedBytes',
    'warnings',
    'engineLosses',
    'policyChanges',
  ]);
  const reconcile = zeros(['passes', 'failedPasses', 'removed', 'finished', 'adopted', 'problems']);
  const wholeRuns = createTimer();
  const phases = {
    queueMs: createTimer(),
    pullMs: createTimer(),
    stageMs: createTimer(),
    createMs: createTimer(),
    runMs: createTimer(),
    collectMs: createTimer(),
  } satisfies Record<StatsPhase, Timer>;
  const phaseNames = Object.keys(phases) as StatsPhase[];

  const countEnd = (event: Extract<RunEvent, { type: 'run_end' }>): void => {
    if (event.outcome === 'result') countIn(ended, event.result.reason);
    else countIn(errors, event.error.code);
    for (const name of phaseNames) phases[name].add(event.durations[name]);
    wholeRuns.add(event.durations.totalMs);
  };

  return {
    run(event) {
      if (event.type === 'run_start') plain.started += 1;
      else if (event.type === 'attempt_start') plain.attempts += 1;
      else if (event.type === 'pull_end') plain.pulls += event.pulled ? 1 : 0;
      else if (event.type === 'stage_end') plain.stagedBytes += event.sizeBytes;
      else if (event.type === 'collect_end') plain.collectedBytes += event.sizeBytes;
      else if (event.type === 'warning') plain.warnings += 1;
      else if (event.type === 'cleanup_error') cleanupErrors[event.what] += 1;
      else if (event.type === 'run_end') countEnd(event);
    },
    runtime(event) {
      if (event.type === 'engine_lost') plain.engineLosses += 1;
      else if (event.type === 'policy_changed') plain.policyChanges += 1;
      else if (event.type === 'reconcile_end') reconcile.passes += 1;
      else if (event.type === 'reconcile_failed') reconcile.failedPasses += 1;
      else if (event.type === 'reconcile_action')
        reconcile[event.done.problem === null ? event.done.action : 'problems'] += 1;
    },
    totals: () => ({
      ...plain,
      ended: { ...ended },
      errors: { ...errors },
      cleanupErrors: { ...cleanupErrors },
      reconcile: { ...reconcile },
      wholeRuns: wholeRuns.stats(),
      phases: {
        queueMs: phases.queueMs.stats(),
        pullMs: phases.pullMs.stats(),
        stageMs: phases.stageMs.stats(),
        createMs: phases.createMs.stats(),
        runMs: phases.runMs.stats(),
        collectMs: phases.collectMs.stats(),
      },
    }),
  };
}

/** Amounts of what runs share; null where there is no bound. */
export interface StatsAmounts {
  readonly cpus: number | null;
  readonly memoryBytes: number | null;
  readonly workspaceBytes: number | null;
}

/** A runtime in numbers, as of now. JSON-safe. */
export interface RuntimeStats {
  /** ISO. */
  readonly at: string;
  /** Runs that have a place. */
  readonly running: number;
  /** Runs that wait for a place. */
  readonly queued: number;
  /** Runs between two attempts. */
  readonly resting: number;
  /** Runs of which something could not be removed when they ended, nor by a pass of recovery since. */
  readonly quarantined: number;
  /** The busiest concurrency keys, at most 100; null stands for the runs without one. */
  readonly keys: readonly {
    readonly concurrencyKey: string | null;
    readonly running: number;
    readonly queued: number;
  }[];
  /** What the runs that have a place may take together; their workspaces count with all they may hold, and under `workspace.maxTotalBytes` with their inputs. */
  readonly reserved: { readonly cpus: number; readonly memoryBytes: number; readonly workspaceBytes: number };
  /** What there is for all runs together; null while the engine was not asked yet. */
  readonly budget: StatsAmounts | null;
  readonly isPaused: boolean;
  readonly isClosed: boolean;
  /** The engine could not be reached when it was last needed. */
  readonly isEngineLost: boolean;
  /** Too little was free when it was last looked at. */
  readonly isDiskLow: boolean;
  readonly totals: StatsTotals;
}
