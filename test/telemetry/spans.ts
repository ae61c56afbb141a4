/** The real SDK with its spans kept in memory, and a way to look at them. For tests. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, type ContextManager, ROOT_CONTEXT, type Tracer } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';

/** A tracer of the SDK, and the spans of it that have ended, in the order of their ends. */
export interface Recording {
  readonly tracer: Tracer;
  readonly spans: () => readonly ReadableSpan[];
}

/** Nothing is recorded yet. */
export function recordSpans(): Recording {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  return { tracer: provider.getTracer('test'), spans: () => exporter.getFinishedSpans() };
}

/** The names of spans as a tree, children in the order they began. */
export function treeOf(spans: readonly ReadableSpan[], parent?: string): readonly unknown[] {
  const isHere = (span: ReadableSpan): boolean =>
    parent === undefined
      ? !spans.some((each) => each.spanContext().spanId === span.parentSpanContext?.spanId)
      : span.parentSpanContext?.spanId === parent;
  const here = spans.filter(isHere).sort((a, b) => nanoseconds(a.startTime) - nanoseconds(b.startTime));
  return here.flatMap((span) => {
    const below = treeOf(spans, span.spanContext().spanId);
    return below.length === 0 ? [span.name] : [span.name, below];
  });
}

/** The one span of a name. */
export function only(spans: readonly ReadableSpan[], name: string): ReadableSpan {
  const found = spans.filter((span) => span.name === name);
  if (found[0] === undefined || found.length > 1) throw new Error(`${String(found.length)} spans ${name}`);
  return found[0];
}

/** A moment as one number. */
export function nanoseconds([seconds, rest]: readonly [number, number]): number {
  return seconds * 1e9 + rest;
}

/** What makes a context follow promises, as the SDK for Node does. */
export function contextManager(): ContextManager {
  const storage = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (context, work, self, ...words) => storage.run(context, () => work.call(self as never, ...words)),
    bind: (_context, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  return manager;
}

/** Of a run of one attempt that goes through every phase but pulling. */
export const WHOLE_RUN = [
  'berthkit.run',
  [
    'berthkit.attempt',
    [
      'berthkit.phase.queue',
      'berthkit.phase.stage',
      'berthkit.phase.secrets',
      'berthkit.phase.run',
      'berthkit.phase.collect',
      ['berthkit.phase.upload'],
      'berthkit.phase.cleanup',
    ],
  ],
] as const;
