/** Decides what is left open of a retry. Pure. */
import type { RuntimeConfig } from '../config/runtime-config.js';
import type { RetryRequest } from './container-spec.js';
import type { PlannedRetry } from './run-plan.js';

/** What a request asks for over the operator's defaults. That it is within the operator's maximum, policy has seen to. */
export function planRetry(asked: RetryRequest, { default: usual }: RuntimeConfig['retry']): PlannedRetry {
  const maxDelayMs = asked.maxDelayMs ?? usual.maxDelayMs;
  return {
    maxAttempts: asked.maxAttempts ?? usual.maxAttempts,
    backoff: asked.backoff ?? usual.backoff,
    jitter: asked.jitter ?? usual.jitter,
    initialDelayMs: Math.min(asked.initialDelayMs ?? usual.initialDelayMs, maxDelayMs),
    maxDelayMs,
    on: [...new Set(asked.on ?? usual.on)],
  };
}
