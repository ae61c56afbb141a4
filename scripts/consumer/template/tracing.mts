import { createRuntime } from 'berthkit';
import { openTelemetryTracing } from 'berthkit/opentelemetry';
import { fakeEngine } from 'berthkit/testing';

const runtime = createRuntime({}, { engine: fakeEngine(), onEvent: openTelemetryTracing() });
const result = await runtime.runJob({ docker: { image: 'busybox:1' } });
await runtime.close();
// Without a provider the tracer of the API records nothing, and that is no failure.
if (result.status !== 'succeeded') throw new Error(result.message);
console.log('a run is told as spans');
