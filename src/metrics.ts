/** A runtime's numbers as OpenMetrics text. Labels come from closed lists only: no run, job, image or key ever becomes one. Pure. */
import { REASONS } from './result.js';
import type { DurationStats, RuntimeStats } from './stats.js';

/** The media type of what `metrics()` gives. */
export const METRICS_CONTENT_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

type Labels = Readonly<Record<string, string>>;
type Samples = readonly (readonly [labels: Labels, value: number])[];

interface FamilyFacts {
  /** Also the end of the name, as the format wants it. */
  readonly unit?: 'seconds' | 'bytes';
  readonly help: string;
}

/** Everything the numbers say, up to the mark of the end. */
export function renderMetrics(stats: RuntimeStats): string {
  const { totals, reserved, budget } = stats;
  const { reconcile } = totals;
  const bytes = 'bytes';
  return [
    ...gauge('runs_running', { help: 'Runs that have a place.' }, stats.running),
    ...gauge('runs_queued', { help: 'Runs that wait for a place.' }, stats.queued),
    ...gauge('runs_resting', { help: 'Runs between two attempts.' }, stats.resting),
    ...gauge(
      'runs_quarantined',
      { help: 'Runs that have ended, and of which something could not be removed yet.' },
      stats.quarantined,
    ),
    ...gauge('reserved_cpus', { help: 'Processors the runs that have a place may take.' }, reserved.cpus),
    ...gauge(
      'reserved_memory_bytes',
      { unit: bytes, help: 'Memory the runs that have a place may take.' },
      reserved.memoryBytes,
    ),
    ...gauge(
      'reserved_workspace_bytes',
      { unit: bytes, help: 'What the workspaces of the runs that have a place may hold.' },
      reserved.workspaceBytes,
    ),
    ...gauge('budget_cpus', { help: 'Processors for all runs together.' }, budget?.cpus ?? null),
    ...gauge(
      'budget_memory_bytes',
      { unit: bytes, help: 'Memory for all runs together.' },
      budget?.memoryBytes ?? null,
    ),
    ...gauge(
      'budget_workspace_bytes',
      { unit: bytes, help: 'Workspaces of all runs together.' },
      budget?.workspaceBytes ?? null,
    ),
    ...gauge('paused', { help: '1 while no run is begun.' }, Number(stats.isPaused)),
    ...gauge('closed', { help: '1 from the closing of the runtime on.' }, Number(stats.isClosed)),
    ...gauge(
      'engine_lost',
      { help: '1 while the engine could not be reached when last needed.' },
      Number(stats.isEngineLost),
    ),
    ...gauge(
      'disk_low',
      { help: '1 while too little disk was free when last looked at.' },
      Number(stats.isDiskLow),
    ),
    ...counter('runs_started', { help: 'Runs that were asked for.' }, totals.started),
    ...counter(
      'runs_ended',
      { help: 'Runs that ended with a result.' },
      Object.entries(REASONS).map(([reason, { status }]) => [
        { status, reason },
        totals.ended[reason as keyof typeof REASONS],
      ]),
    ),
    ...counter(
      'run_errors',
      { help: 'Runs that ended with an error.' },
      Object.entries(totals.errors).map(([code, count]) => [{ code }, count]),
    ),
    ...counter('attempts', { help: 'Attempts of runs that were begun.' }, totals.attempts),
    ...counter('pulls', { help: 'Images that were pulled.' }, totals.pulls),
    ...counter('staged_bytes', { unit: bytes, help: 'Inputs that were staged.' }, totals.stagedBytes),
    ...counter(
      'collected_bytes',
      { unit: bytes, help: 'Outputs that were collected.' },
      totals.collectedBytes,
    ),
    ...counter('run_warnings', { help: 'Warnings of runs.' }, totals.warnings),
    ...counter(
      'cleanup_errors',
      { help: 'Things that could not be removed at the end of a run.' },
      Object.entries(totals.cleanupErrors).map(([what, count]) => [{ what }, count]),
    ),
    ...counter('engine_losses', { help: 'Times the engine was lost.' }, totals.engineLosses),
    ...counter('policy_changes', { help: 'Times the policy was replaced.' }, totals.policyChanges),
    ...counter('reconcile_passes', { help: 'Looks for what dead processes left.' }, [
      [{ outcome: 'made' }, reconcile.passes],
      [{ outcome: 'failed' }, reconcile.failedPasses],
    ]),
    ...counter(
      'reconcile_actions',
      { help: 'Things of dead processes that were dealt with, or could not be.' },
      [
        [{ outcome: 'removed' }, reconcile.removed],
        [{ outcome: 'finished' }, reconcile.finished],
        [{ outcome: 'adopted' }, reconcile.adopted],
        [{ outcome: 'problem' }, reconcile.problems],
      ],
    ),
    ...histogram(
      'phase_duration_seconds',
      'Time by phase of the last attempt of a run.',
      Object.entries(totals.phases).map(([phase, times]) => [{ phase: phase.replace(/Ms$/, '') }, times]),
    ),
    ...histogram('run_duration_seconds', 'Time of whole runs, waits and pauses included.', [
      [{}, totals.wholeRuns],
    ]),
    '# EOF\n',
  ].join('\n');
}

function family(name: string, type: string, { unit, help }: FamilyFacts): readonly string[] {
  return [
    `# TYPE berthkit_${name} ${type}`,
    ...(unit === undefined ? [] : [`# UNIT berthkit_${name} ${unit}`]),
    `# HELP berthkit_${name} ${help}`,
  ];
}

/** Nothing where there is no number. */
function gauge(name: string, facts: FamilyFacts, value: number | null): readonly string[] {
  return value === null ? [] : [...family(name, 'gauge', facts), sample(name, {}, value)];
}

function counter(name: string, facts: FamilyFacts, values: number | Samples): readonly string[] {
  const samples: Samples = typeof values === 'number' ? [[{}, values]] : values;
  return [
    ...family(name, 'counter', facts),
    ...samples.map(([labels, value]) => sample(`${name}_total`, labels, value)),
  ];
}

function histogram(
  name: string,
  help: string,
  series: readonly (readonly [Labels, DurationStats])[],
): readonly string[] {
  return [
    ...family(name, 'histogram', { unit: 'seconds', help }),
    ...series.flatMap(([labels, { count, sumMs, buckets }]) => [
      ...buckets.map(({ upToMs, count: within }) =>
        sample(`${name}_bucket`, { ...labels, le: canonical(upToMs / 1000) }, within),
      ),
      sample(`${name}_bucket`, { ...labels, le: '+Inf' }, count),
      sample(`${name}_count`, labels, count),
      sample(`${name}_sum`, labels, sumMs / 1000),
    ]),
  ];
}

/** As the format writes bounds: `1.0`, not `1`. */
const canonical = (value: number): string => (Number.isInteger(value) ? value.toFixed(1) : String(value));

/** Values of labels are words of ours, in which nothing is to be escaped. */
function sample(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
  return `berthkit_${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${String(value)}`;
}
