/** OpenTelemetry in ten lines: what is registered once is all that the spans of runs need. */
import { strict as assert } from 'node:assert';
import { trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { createRuntime } from 'berthkit';
import { openTelemetryTracing } from 'berthkit/opentelemetry';

// An application exports to its collector instead: `new BatchSpanProcessor(new OTLPTraceExporter())`.
const exporter = new InMemorySpanExporter();
trace.setGlobalTracerProvider(
  new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
);
await using runtime = createRuntime(
  { policy: { images: { allow: ['busybox:*'] } } },
  { onEvent: openTelemetryTracing() },
);
await runtime.runJob({ slug: 'traced', docker: { image: 'busybox:1', command: ['true'] } });

const names = exporter.getFinishedSpans().map(({ name }) => name);
assert.ok(names.includes('berthkit.run') && names.includes('berthkit.phase.run'));
console.log(names.join('\n'));
