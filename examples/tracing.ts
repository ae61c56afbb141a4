/** OpenTelemetry in ten lines: a tracer of any provider is all that the spans of runs need. */
import { BatchSpanProcessor, BasicTracerProvider, ConsoleSpanExporter } from '@opentelemetry/sdk-trace-base';
import { createRuntime } from 'berthkit';
import { openTelemetryTracing } from 'berthkit/opentelemetry';

const exporter = new ConsoleSpanExporter(); // An application has its collector's: `new OTLPTraceExporter()`.
const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
const onEvent = openTelemetryTracing({ tracer: provider.getTracer('jobs') });
await using runtime = createRuntime({ policy: { images: { allow: ['busybox:*'] } } }, { onEvent });
await runtime.runJob({ slug: 'traced', docker: { image: 'busybox:1', command: ['true'] } });
await provider.shutdown();
