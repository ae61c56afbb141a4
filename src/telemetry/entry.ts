/** What `berthkit/opentelemetry` exports: spans of runs. Nothing of it is loaded by `berthkit` itself. */
export { openTelemetryTracing, type OpenTelemetryTracingOptions } from './opentelemetry-tracing.js';
export type { RunEvent } from '../events.js';
