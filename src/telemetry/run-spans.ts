/** The spans of one run, from its start to its end. Which events are its own, and what they say, is decided elsewhere. */
import {
  type Attributes,
  type Context,
  context,
  INVALID_SPAN_CONTEXT,
  ROOT_CONTEXT,
  type Span,
  type SpanOptions,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import { notify } from '../base/notify.js';
import type { RunEvent } from '../events.js';
import { attributesOf, BEGINS, endOf, ENDS, errorTypeOf, type Phase, phaseErrorType } from './span-facts.js';

type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;

/** The spans of a run that has not ended. */
export interface RunSpans {
  /** The number of the attempt under way; null between attempts. */
  readonly attempt: number | null;
  /** Any event but the first and the last. */
  hear(event: RunEvent): void;
  /** Ends everything. */
  end(event: EventOf<'run_end'>): void;
}

/** A span, and what its children begin with. */
interface OpenSpan {
  readonly span: Span;
  readonly context: Context;
}

interface OpenPhase extends OpenSpan {
  readonly phase: Phase;
  /** When the clean-up began while this was under way, on `performance.now()`: it was broken off, and why is told at the end of the attempt. */
  readonly brokenOffAt: number | null;
}

/** Begins the span of a run with its first event, or with its last, where that is all there is to hear of it. */
export function startRunSpans(
  tracer: Tracer,
  event: EventOf<'run_start' | 'run_end'>,
  parent: Context | undefined,
): RunSpans {
  const run = startSpan(tracer, 'berthkit.run', parent ?? contextOf(event), {
    attributes: attributesOf(event),
    ...startTimeOf(event),
  });
  let attempt: (OpenSpan & { readonly number: number }) | null = null;
  let phases: readonly OpenPhase[] = [];

  const startPhase = (phase: Phase, event: RunEvent): void => {
    const collecting = phase === 'upload' ? phases.find((each) => each.phase === 'collect') : undefined;
    const above = (collecting ?? attempt ?? run).context;
    const span = startSpan(tracer, `berthkit.phase.${phase}`, above, { attributes: attributesOf(event) });
    phases = [...phases, { ...span, phase, brokenOffAt: null }];
  };
  const endPhase = (phase: Phase, event: RunEvent): void => {
    const ended = phases.find((each) => each.phase === phase && each.brokenOffAt === null);
    if (ended === undefined) return;
    phases = phases.filter((each) => each !== ended);
    finish(ended, attributesOf(event), phaseErrorType(event));
  };
  const endAttempt = (attributes: Attributes, errorType: string | null): void => {
    // What lies within another ends before it.
    for (const phase of phases.toReversed()) finish(phase, {}, errorType, phase.brokenOffAt ?? undefined);
    phases = [];
    if (attempt !== null) finish(attempt, attributes, errorType);
    attempt = null;
  };

  return {
    get attempt() {
      return attempt?.number ?? null;
    },
    hear(event) {
      const { type } = event;
      if (type === 'attempt_start') {
        const options = { attributes: attributesOf(event) };
        attempt = { ...startSpan(tracer, 'berthkit.attempt', run.context, options), number: event.attempt };
      } else if (type === 'attempt_end') {
        endAttempt(attributesOf(event), errorTypeOf(event));
      } else if (type === 'container_created') {
        notify(() => attempt?.span.setAttributes(attributesOf(event)));
      } else if (type === 'cleanup_error') {
        const { span } = phases.find(({ phase }) => phase === 'cleanup') ?? attempt ?? run;
        notify(() => span.addEvent('berthkit.cleanup_error', { 'berthkit.cleanup.what': event.what }));
        markError(span, type);
      }
      if (type === 'cleanup_start') {
        const brokenOffAt = performance.now();
        phases = phases.map((phase) => ({ ...phase, brokenOffAt }));
      }
      const begins = BEGINS[type];
      if (begins !== undefined) startPhase(begins, event);
      const ends = ENDS[type];
      if (ends !== undefined) endPhase(ends, event);
    },
    end(event) {
      const errorType = errorTypeOf(endOf(event));
      endAttempt({}, errorType);
      finish(run, attributesOf(event), errorType);
    },
  };
}

/** Nobody's in this process began a run that is only heard of at its end. */
function contextOf({ type }: EventOf<'run_start' | 'run_end'>): Context {
  if (type === 'run_end') return ROOT_CONTEXT;
  try {
    return context.active();
  } catch {
    return ROOT_CONTEXT;
  }
}

/** The time told by the result of a run whose beginning nobody heard of; else now. */
function startTimeOf(event: EventOf<'run_start' | 'run_end'>): Pick<SpanOptions, 'startTime'> {
  const isTold = event.type === 'run_end' && event.outcome === 'result';
  return isTold ? { startTime: new Date(event.result.startedAt) } : {};
}

/** A span that records nothing where the tracer fails, so that whoever has one need not ask. */
function startSpan(tracer: Tracer, name: string, parent: Context, options: SpanOptions): OpenSpan {
  try {
    const span = tracer.startSpan(name, options, parent);
    return { span, context: trace.setSpan(parent, span) };
  } catch {
    return { span: trace.wrapSpanContext(INVALID_SPAN_CONTEXT), context: parent };
  }
}

/** Each on its own: it ends also where it takes no attribute. */
function finish({ span }: OpenSpan, attributes: Attributes, errorType: string | null, at?: number): void {
  notify(() => span.setAttributes(attributes));
  if (errorType !== null) markError(span, errorType);
  notify(() => {
    span.end(at);
  });
}

function markError(span: Span, errorType: string): void {
  notify(() => span.setAttribute('error.type', errorType));
  notify(() => span.setStatus({ code: SpanStatusCode.ERROR }));
}
