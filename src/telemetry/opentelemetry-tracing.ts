/** Spans of runs for OpenTelemetry, made of events alone: a listener. It sets up no SDK and exports nothing by itself. */
import { type Context, trace, type Tracer } from '@opentelemetry/api';
import type { RunEvent } from '../events.js';
import { type RunSpans, startRunSpans } from './run-spans.js';

/** Where spans go, and where they belong. */
export interface OpenTelemetryTracingOptions {
  /** Default: `trace.getTracer('berthkit')`, of the provider that is registered by then or later. */
  readonly tracer?: Tracer | undefined;
  /** What the spans of runs are children of. Default: the context that is active where each run is begun. */
  readonly parent?: Context | undefined;
}

/**
 * Makes a listener that tells runs as spans: `berthkit.run`, beneath it a `berthkit.attempt` for each attempt, beneath that
 * `berthkit.phase.queue`, `.pull`, `.stage`, `.secrets`, `.run`, `.collect` (with `.upload` in it) and `.cleanup`, as far as they were entered. It is
 * for the port `onEvent`, for all runs of a runtime, or for the option `onEvent` of one run.
 *
 * The status is an error, and `error.type` the error's code or the result's reason, for whatever did not succeed and was not cancelled by its caller
 * ({@link https://opentelemetry.io/docs/specs/semconv/general/recording-errors/ | recording errors}). Attributes are ids, numbers and words from
 * closed lists; nothing that a job, an image or a caller says. A tracer that throws costs spans, never a run.
 *
 * @example
 * ```ts
 * import { createRuntime } from 'berthkit';
 * import { openTelemetryTracing } from 'berthkit/opentelemetry';
 *
 * const policy = { images: { allow: ['busybox:*'] } };
 * const runtime = createRuntime({ policy }, { onEvent: openTelemetryTracing() });
 * ```
 */
export function openTelemetryTracing(options: OpenTelemetryTracingOptions = {}): (event: RunEvent) => void {
  const tracer = options.tracer ?? trace.getTracer('berthkit');
  const open = new Map<string, readonly RunSpans[]>();

  return (event) => {
    const { runId } = event;
    const runs = open.get(runId) ?? [];
    if (event.type === 'run_start') {
      open.set(runId, [...runs, startRunSpans(tracer, event, options.parent)]);
      return;
    }
    const told = whose(event, runs);
    if (event.type !== 'run_end') {
      told?.hear(event);
      return;
    }
    const others = runs.filter((each) => each !== told);
    if (others.length > 0) open.set(runId, others);
    else open.delete(runId);
    // The process that began it has died, and its spans with it.
    (told ?? startRunSpans(tracer, event, options.parent)).end(event);
  };
}

/**
 * Two runs of one id are open while one of them is refused for that id, or waits for the other by an idempotency key: it has one attempt and no
 * phases, so phases are the first one's, and of everything else the later one's comes first.
 */
function whose(event: RunEvent, runs: readonly RunSpans[]): RunSpans | undefined {
  switch (event.type) {
    case 'attempt_start':
    case 'run_end':
      return runs.findLast(({ attempt }) => attempt === null) ?? runs.at(-1);
    case 'attempt_end':
      return runs.findLast(({ attempt }) => attempt === event.attempt);
    default:
      return runs[0];
  }
}
