import { type Tracer, trace } from '@opentelemetry/api';
import { createRuntime } from 'berthkit';
import { openTelemetryTracing } from 'berthkit/opentelemetry';
import { fakeEngine } from 'berthkit/testing';

const names: string[] = [];
const silent = trace.getTracer('silent');
const tracer: Tracer = {
  startSpan: (name, options, context) => {
    names.push(name);
    return silent.startSpan(name, options, context);
  },
  startActiveSpan: silent.startActiveSpan.bind(silent),
};
void (async () => {
  const runtime = createRuntime({}, { engine: fakeEngine(), onEvent: openTelemetryTracing({ tracer }) });
  await runtime.runJob({ docker: { image: 'busybox:1' } });
  await runtime.close();
  if (names[0] !== 'berthkit.run' || !names.includes('berthkit.phase.run'))
    throw new Error(`no spans but ${names.join()}`);
  console.log('a run is told as spans from CommonJS');
})();
